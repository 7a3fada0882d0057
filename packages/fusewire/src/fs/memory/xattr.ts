import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import { S, XATTR } from '../common/constants.js'
import { ACCESS_ACL, chmodAcl, DEFAULT_ACL, isEmptyAcl, isValidAcl, modeOfAcl } from './acl.js'
import type { Inode } from './inode.js'

/** Limits of the kernel (linux/limits.h): a name, a value, all names of a node together. */
const NAME_MAX = 255
const VALUE_MAX = 65536
const LIST_MAX = 65536
/** Bookkeeping of one attribute, for the space it costs. */
const OVERHEAD = 16

const NAMESPACES = ['user.', 'trusted.', 'security.']

const costOf = (name: string, value: Uint8Array): number => OVERHEAD + name.length + value.length

/** Sets an attribute that is not an ACL. `flags`: XATTR_CREATE, XATTR_REPLACE. 0 or a negative errno. */
function setPlain(node: Inode, name: string, value: Uint8Array, flags: number): number {
  const space = NAMESPACES.find((prefix) => name.startsWith(prefix))
  if (space === undefined) return -errno.EOPNOTSUPP
  if (name.length === space.length) return -errno.EINVAL
  if (name.length > NAME_MAX) return -errno.ERANGE
  if (value.length > VALUE_MAX) return -errno.E2BIG
  const old = node.xattrs?.get(name)
  if (old !== undefined && (flags & XATTR.CREATE) !== 0) return -errno.EEXIST
  if (old === undefined && (flags & XATTR.REPLACE) !== 0) return -errno.ENODATA
  if (old === undefined && listBytes(node) + name.length + 1 > LIST_MAX) return -errno.ENOSPC
  return putXattr(node, name, value)
}

/** Keeps a copy of the value. 0, -ENOSPC or -EDQUOT. */
function putXattr(node: Inode, name: string, value: Uint8Array): number {
  const old = node.xattrs?.get(name)
  const more = costOf(name, value) - (old === undefined ? 0 : costOf(name, old))
  const result = node.takeExtra(more)
  if (result < 0) return result
  node.xattrs ??= new Map()
  node.xattrs.set(name, new Uint8Array(value))
  node.xattrBytes += more
  return 0
}

/** Removes an attribute when it is there; answers whether it was. */
export function dropXattr(node: Inode, name: string): boolean {
  const old = node.xattrs?.get(name)
  if (old === undefined || node.xattrs === null) return false
  node.xattrs.delete(name)
  if (node.xattrs.size === 0) node.xattrs = null
  node.takeExtra(-costOf(name, old))
  node.xattrBytes -= costOf(name, old)
  return true
}

function listBytes(node: Inode): number {
  let bytes = 0
  for (const name of node.xattrs?.keys() ?? []) bytes += name.length + 1
  return bytes
}

const isAclName = (name: string): boolean => name === ACCESS_ACL || name === DEFAULT_ACL

/**
 * Sets one of the two ACLs. The access ACL and the mode are two views of one thing: the mode follows, and an ACL that
 * says no more than the mode is not kept. `killSgid`: the caller may not keep the setgid bit.
 */
function setAcl(node: Inode, name: string, acl: Uint8Array, killSgid: boolean): number {
  if (node.type === S.IFLNK) return -errno.EOPNOTSUPP
  if (isEmptyAcl(acl)) {
    dropXattr(node, name)
    return 0
  }
  if (!isValidAcl(acl)) return -errno.EINVAL
  if (name === DEFAULT_ACL) return node.isDirectory ? putXattr(node, name, acl) : -errno.EACCES
  const { bits, minimal } = modeOfAcl(acl)
  if (minimal) {
    dropXattr(node, name)
  } else {
    const result = putXattr(node, name, acl)
    if (result < 0) return result
  }
  node.mode = (node.mode & ~0o777) | bits
  if (killSgid) node.mode &= ~S.ISGID
  return 0
}

/** Sets the permission bits, in the mode and in the access ACL. */
export function setMode(node: Inode, mode: number): void {
  node.mode = (node.mode & S.IFMT) | (mode & S.PERMISSIONS)
  const acl = node.xattrs?.get(ACCESS_ACL)
  if (acl !== undefined) node.xattrs?.set(ACCESS_ACL, chmodAcl(acl, mode))
}

/** ACLs of a new node. 0, -ENOSPC or -EDQUOT. */
export function setInheritedAcls(
  node: Inode,
  access: Uint8Array | null,
  defaults: Uint8Array | null,
): number {
  let result = 0
  if (access !== null) result = putXattr(node, ACCESS_ACL, access)
  if (result === 0 && defaults !== null) result = putXattr(node, DEFAULT_ACL, defaults)
  return result
}

/** Names of the node's attributes. `trusted.` ones are for the administrator's eyes only, as everywhere. */
export function* listXattrs(node: Inode, isAdministrator: boolean): Generator<string> {
  for (const name of node.xattrs?.keys() ?? []) {
    if (isAdministrator || !name.startsWith('trusted.')) yield name
  }
}

/** setxattr(2). `killSgid`: a changed ACL takes the setgid bit. 0 or a negative errno. */
export function setAnyXattr(
  node: Inode,
  name: string,
  value: Uint8Array,
  flags: number,
  killSgid: boolean,
): number {
  return isAclName(name) ? setAcl(node, name, value, killSgid) : setPlain(node, name, value, flags)
}

/** getxattr(2): the value, or -ENODATA. */
export function getXattr(node: Inode, name: string, out: DataOut): number {
  const value = node.xattrs?.get(name)
  if (value === undefined) return -errno.ENODATA
  out.reference(value)
  return 0
}

/** removexattr(2). An ACL that is not there is removed with success, as on other filesystems. */
export function removeXattr(node: Inode, name: string): number {
  return dropXattr(node, name) || isAclName(name) ? 0 : -errno.ENODATA
}
