import type { Notify } from '../../api/connection.js'
import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import { FileSystem } from '../../api/filesystem.js'
import type { AttrOut, EntryOut, StatfsOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import type { SetattrIn } from '../../api/setattr-in.js'
import type { StatxOut } from '../../api/statx-out.js'
import { S, SETXATTR_FLAG } from '../common/constants.js'
import { changeAttributes } from './change.js'
import { addName, badName, createNode, createSymlink, removeName } from './create.js'
import { fillEntry, fillStatfs, fillStatx } from './fill.js'
import type { Inode } from './inode.js'
import { recordRead } from './io.js'
import type { Settings } from './options.js'
import { PollWatch } from './poll-watch.js'
import { rename } from './rename.js'
import { Store } from './store.js'
import { touchChanged } from './times.js'
import { getXattr, listXattrs, removeXattr, setAnyXattr } from './xattr.js'

/** The half of the memory filesystem that knows no open files: names, attributes, extended attributes. */
export abstract class MemoryNodes extends FileSystem {
  override readonly nameEncoding = 'latin1'
  protected readonly settings: Settings
  protected readonly store: Store
  protected readonly watch = new PollWatch((wake) => void this.notify?.poll(wake).catch(() => undefined))
  protected notify: Notify | null = null

  constructor(settings: Settings) {
    super()
    this.settings = settings
    this.store = new Store(settings)
  }

  override lookup(_req: Request, parent: number, name: string, out: EntryOut): Result {
    const directory = this.store.nodes.get(parent)
    if (directory === undefined) return -errno.ESTALE
    // Only who opens by file handle (NFS) asks for "." and "..". A node that lost its last name and is not open is gone,
    // although the kernel's forget may still be on its way.
    if (name === '.') {
      return this.entry(out, directory.nlink > 0 || directory.opens > 0 ? directory : -errno.ESTALE)
    }
    if (directory.directory === null) return -errno.ENOTDIR
    if (name === '..') return this.entry(out, directory.parent ?? -errno.ENOENT)
    const node = directory.directory.get(name)?.node
    if (node !== undefined && node !== null) return this.entry(out, node)
    if (name.length > this.settings.nameMax) return -errno.ENAMETOOLONG
    if (this.settings.timeout === 0) return -errno.ENOENT
    out.negative(this.settings.timeout)
    return 0
  }

  override forget(id: number, count: number): void {
    const node = this.store.nodes.get(id)
    if (node === undefined) return
    node.lookups = Math.max(0, node.lookups - count)
    if (node.nlink === 0) this.store.releaseUnused(node)
  }

  override getattr(_req: Request, id: number, _handle: number | undefined, out: AttrOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    out.attrTimeout = this.settings.timeout
    out.attr.assign(node)
    return 0
  }

  override statx(
    _req: Request,
    id: number,
    _handle: number | undefined,
    _mask: number,
    _flags: number,
    out: StatxOut,
  ): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    out.attrTimeout = this.settings.timeout
    fillStatx(out, node)
    return 0
  }

  override setattr(_req: Request, id: number, change: SetattrIn, out: AttrOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    const { version } = node
    const result = changeAttributes(this.store, node, change)
    if (result < 0) return result
    if (node.version !== version) this.watch.changed(node)
    out.attrTimeout = this.settings.timeout
    out.attr.assign(node)
    return 0
  }

  override readlink(_req: Request, id: number, out: DataOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.target === null) return -errno.EINVAL
    out.reference(node.target)
    if (this.settings.relatime) recordRead(this.store, node)
    return 0
  }

  override symlink(req: Request, parent: number, name: string, target: string, out: EntryOut): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    return this.entry(out, createSymlink(this.store, req, directory, name, target))
  }

  override mknod(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    rdev: number,
    out: EntryOut,
  ): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    const type = mode & S.IFMT
    if (type === S.IFDIR || type === S.IFLNK) return -errno.EPERM
    const node = createNode(this.store, req, directory, name, type === 0 ? mode | S.IFREG : mode)
    if (typeof node !== 'number' && (type === S.IFCHR || type === S.IFBLK)) node.rdev = rdev
    return this.entry(out, node)
  }

  override mkdir(req: Request, parent: number, name: string, mode: number, out: EntryOut): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    return this.entry(out, createNode(this.store, req, directory, name, (mode & S.PERMISSIONS) | S.IFDIR))
  }

  override unlink(_req: Request, parent: number, name: string): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    const node = directory.directory?.get(name)?.node
    if (node === undefined || node === null) return -errno.ENOENT
    if (node.isDirectory) return -errno.EISDIR
    this.store.clock.tick()
    removeName(this.store, directory, name)
    return 0
  }

  override rmdir(_req: Request, parent: number, name: string): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    const node = directory.directory?.get(name)?.node
    if (node === undefined || node === null) return -errno.ENOENT
    if (node.directory === null) return -errno.ENOTDIR
    if (node.directory.size > 0) return -errno.ENOTEMPTY
    this.store.clock.tick()
    removeName(this.store, directory, name)
    return 0
  }

  override rename(
    req: Request,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Result {
    const from = this.store.directory(parent)
    if (typeof from === 'number') return from
    const to = this.store.directory(newParent)
    if (typeof to === 'number') return to
    return rename(this.store, req, from, name, to, newName, flags)
  }

  override link(_req: Request, id: number, newParent: number, newName: string, out: EntryOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    const directory = this.store.directory(newParent)
    if (typeof directory === 'number') return directory
    if (node.isDirectory) return -errno.EPERM
    if (node.nlink === 0 && !node.linkable) return -errno.ENOENT
    const bad = badName(this.store, newName)
    if (bad < 0) return bad
    if (directory.directory?.get(newName) !== undefined) return -errno.EEXIST
    if (node.nlink >= this.settings.linkMax) return -errno.EMLINK
    this.store.clock.tick()
    const result = addName(this.store, directory, newName, node)
    if (result < 0) return result
    node.linkable = false
    touchChanged(node, this.store.clock)
    return this.entry(out, node)
  }

  override statfs(_req: Request, _id: number, out: StatfsOut): Result {
    fillStatfs(out, this.store)
    return 0
  }

  override setxattr(req: Request, id: number, name: string, value: Uint8Array, flags: number): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    const killSgid = (req.ioFlags & SETXATTR_FLAG.ACL_KILL_SGID) !== 0
    return this.#changed(node, setAnyXattr(node, name, value, flags, killSgid))
  }

  override getxattr(_req: Request, id: number, name: string, _size: number, out: DataOut): Result {
    const node = this.store.nodes.get(id)
    return node === undefined ? -errno.ESTALE : getXattr(node, name, out)
  }

  override listxattr(req: Request, id: number, _size: number, out: DataOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    for (const name of listXattrs(node, req.uid === 0)) out.text(`${name}\0`, 'latin1')
    return 0
  }

  override removexattr(_req: Request, id: number, name: string): Result {
    const node = this.store.nodes.get(id)
    return node === undefined ? -errno.ESTALE : this.#changed(node, removeXattr(node, name))
  }

  protected entry(out: EntryOut, node: Inode | number): number {
    if (typeof node === 'number') return node
    fillEntry(out, node, this.settings.timeout)
    return 0
  }

  #changed(node: Inode, result: number): number {
    if (result === 0) {
      this.store.clock.tick()
      touchChanged(node, this.store.clock)
    }
    return result
  }
}
