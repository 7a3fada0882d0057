import { errno } from '../../api/errors.js'
import type { Request } from '../../api/request.js'
import { S } from '../common/constants.js'
import { DEFAULT_ACL, inheritAcl } from './acl.js'
import { Directory } from './directory.js'
import type { Inode } from './inode.js'
import type { Store } from './store.js'
import { touchModified } from './times.js'
import { setInheritedAcls } from './xattr.js'

/** Why a name cannot be in a directory of this filesystem, as a negative errno; 0 when it can. */
export function badName(store: Store, name: string): number {
  if (name.length > store.settings.nameMax) return -errno.ENAMETOOLONG
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    return -errno.EINVAL
  return 0
}

/** Why `name` cannot be made in `parent`, as a negative errno; 0 when it can. */
function cannotAdd(store: Store, parent: Inode, name: string, isDirectory: boolean): number {
  const bad = badName(store, name)
  if (bad < 0) return bad
  if (parent.directory?.get(name) !== undefined) return -errno.EEXIST
  return isDirectory && parent.nlink >= store.settings.linkMax ? -errno.EMLINK : 0
}

/**
 * Makes a node with the owner, group, mode and ACLs that a new one in `parent` gets, without a name: setgid
 * directories pass their group on, a default ACL replaces the umask.
 */
export function makeNode(store: Store, req: Request, parent: Inode, mode: number): Inode | number {
  const type = mode & S.IFMT
  const fromParent = (parent.mode & S.ISGID) !== 0
  const defaults = type === S.IFLNK ? undefined : parent.xattrs?.get(DEFAULT_ACL)
  const inherited = defaults === undefined ? null : inheritAcl(defaults, mode)
  let bits = inherited === null ? (type === S.IFLNK ? mode : mode & ~req.umask) : inherited.mode
  if (fromParent && type === S.IFDIR) bits |= S.ISGID
  const node = store.make(bits, req.uid, fromParent ? parent.gid : req.gid)
  if (typeof node === 'number' || defaults === undefined) return node
  const result = setInheritedAcls(node, inherited?.acl ?? null, type === S.IFDIR ? defaults : null)
  if (result === 0) return node
  store.releaseUnused(node)
  return result
}

/** Makes a node named `name` in the directory `parent`; a negative errno when that cannot be. */
export function createNode(
  store: Store,
  req: Request,
  parent: Inode,
  name: string,
  mode: number,
): Inode | number {
  const isDirectory = (mode & S.IFMT) === S.IFDIR
  const refused = cannotAdd(store, parent, name, isDirectory)
  if (refused < 0) return refused
  const node = makeNode(store, req, parent, mode)
  if (typeof node === 'number') return node
  const result = addName(store, parent, name, node)
  if (result === 0) return node
  store.releaseUnused(node)
  return result
}

/** Gives a node one more name. 0, -ENOSPC or -EDQUOT. */
export function addName(store: Store, parent: Inode, name: string, node: Inode): number {
  const result = parent.takeExtra(Directory.bytesOf(name))
  if (result < 0) return result
  parent.directory?.add(name, node)
  if (node.isDirectory) {
    node.nlink = 2
    node.parent = parent
    parent.nlink++
  } else {
    node.nlink++
  }
  touchModified(parent, store.clock)
  return 0
}

/** Makes a symbolic link; `target` byte for byte. */
export function createSymlink(
  store: Store,
  req: Request,
  parent: Inode,
  name: string,
  target: string,
): Inode | number {
  if (target === '') return -errno.ENOENT
  if (target.length > TARGET_MAX) return -errno.ENAMETOOLONG
  const node = createNode(store, req, parent, name, S.IFLNK | 0o777)
  if (typeof node === 'number') return node
  const result = node.takeExtra(target.length)
  if (result < 0) {
    removeName(store, parent, name)
    return result
  }
  node.target = Buffer.from(target, 'latin1')
  return node
}

/** PATH_MAX less the NUL: what readlink(2) can bring back through the kernel. */
const TARGET_MAX = 4095

/** Takes a name out of its directory and with it one link off its node, which goes when nothing else holds it. */
export function removeName(store: Store, parent: Inode, name: string): void {
  const entry = parent.directory?.get(name)
  const node = entry?.node
  if (entry === undefined || node === null || node === undefined) return
  parent.takeExtra(-Directory.bytesOf(name))
  parent.directory?.remove(entry)
  touchModified(parent, store.clock)
  dropLink(store, parent, node)
}

/** Takes one link off a node whose name in `parent` is gone or names another node now. */
export function dropLink(store: Store, parent: Inode, node: Inode): void {
  if (node.isDirectory) {
    node.nlink = 0
    node.parent = null
    parent.nlink--
  } else {
    node.nlink--
  }
  node.ctime = store.clock.seconds
  node.ctimeNs = store.clock.nanoseconds
  store.releaseUnused(node)
}
