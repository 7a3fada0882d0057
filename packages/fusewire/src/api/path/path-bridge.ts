import { errno } from '../../abi/errno.js'
import type { InitRequest, Negotiated } from '../connection.js'
import { FATTR } from '../constants.js'
import type { DataOut } from '../data-out.js'
import type { DirOut } from '../dir-out.js'
import { FsError } from '../errors.js'
import type { AttrOut, CreateOut, EntryOut, OpenOut, StatfsOut } from '../outs.js'
import type { Request, Result } from '../request.js'
import type { SetattrIn } from '../setattr-in.js'
import type { StatxOut } from '../statx-out.js'
import { HandleTable } from './handles.js'
import { HiddenFiles, isHiddenName } from './hidden.js'
import { Listing } from './listing.js'
import type { PathContext, PathFileSystem, StatfsLike } from './path-filesystem.js'
import { contextOf, PathNodes, then } from './path-nodes.js'
import { putStats, putStatx } from './stats.js'

const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2
const BSIZE = 4096
const NAME_MAX = 255

/** Which methods of a path filesystem each method of ours needs; without all of them the kernel hears ENOSYS. */
const NEEDS: Readonly<Record<string, readonly (keyof PathFileSystem)[]>> = {
  readlink: ['readlink'],
  mkdir: ['mkdir'],
  rmdir: ['rmdir'],
  unlink: ['unlink'],
  rename: ['rename'],
  link: ['link'],
  symlink: ['symlink'],
  mknod: ['mknod'],
  create: ['create'],
  read: ['read'],
  write: ['write'],
  flush: ['flush'],
  fsync: ['fsync'],
  fallocate: ['fallocate'],
  access: ['access'],
  getxattr: ['getxattr'],
  setxattr: ['setxattr'],
  listxattr: ['listxattr'],
  removexattr: ['removexattr'],
}

/** A path filesystem as a filesystem of inodes: keeps the nodes, turns them into paths, calls, and fills the answers. */
export class PathBridge extends PathNodes {
  readonly #dirs = new HandleTable<Listing>()
  readonly #hidden: HiddenFiles

  constructor(paths: PathFileSystem) {
    super(paths)
    for (const [method, needs] of Object.entries(NEEDS)) {
      const missing = needs.some((name) => typeof paths[name] !== 'function')
      if (missing) Object.defineProperty(this, method, { value: undefined })
    }
    const background: PathContext = { uid: 0, gid: 0, pid: 0, umask: 0, signal: new AbortController().signal }
    this.#hidden = new HiddenFiles(this.tree, {
      rename: (from, to) => this.paths.rename(from, to, 0, background),
      unlink: (path) => this.paths.unlink(path, background),
    })
  }

  /** Nodes that are kept, the root included. */
  get nodeCount(): number {
    return this.tree.size
  }

  override init(init: InitRequest): void {
    // Then open never has to truncate: the kernel calls truncate itself.
    init.avoid('ATOMIC_O_TRUNC')
    this.paths.init?.(init)
  }
  override ready(negotiated: Negotiated): void {
    this.paths.ready?.(negotiated)
  }
  override async destroy(): Promise<void> {
    await this.#hidden.end()
    await this.paths.destroy?.()
  }

  override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
    if (isHiddenName(name)) return -errno.ENOENT
    const directory = this.node(parent)
    const path = this.tree.childPath(directory, name)
    return then(this.statPath(path, undefined, req), (stats) => this.entry(directory, name, stats, out))
  }

  override forget(node: number, count: number): void {
    this.tree.forget(node, count)
  }

  override getattr(req: Request, id: number, handle: number | undefined, out: AttrOut): Result {
    return then(this.nodeStats(req, id, handle), (stats) => {
      putStats(out.attr, stats, id)
      return 0
    })
  }

  override statx(
    req: Request,
    id: number,
    handle: number | undefined,
    _m: number,
    _f: number,
    out: StatxOut,
  ): Result {
    return then(this.nodeStats(req, id, handle), (stats) => {
      putStatx(out, stats, id)
      return 0
    })
  }

  override async setattr(req: Request, id: number, change: SetattrIn, out: AttrOut): Promise<number> {
    const node = this.node(id)
    const path = this.tree.path(node)
    const context = contextOf(req)
    const { valid } = change
    const value = this.openFile(node, change.handle)?.value
    if ((valid & FATTR.MODE) !== 0) await this.need('chmod')(path, change.mode & 0o7777, value, context)
    if ((valid & (FATTR.UID | FATTR.GID)) !== 0) {
      const uid = (valid & FATTR.UID) === 0 ? -1 : change.uid
      const gid = (valid & FATTR.GID) === 0 ? -1 : change.gid
      await this.need('chown')(path, uid, gid, value, context)
    }
    if ((valid & FATTR.SIZE) !== 0) await this.need('truncate')(path, change.size, value, context)
    if ((valid & (FATTR.ATIME | FATTR.MTIME)) !== 0) {
      const now = new Date()
      const atime = timeAsked(valid, FATTR.ATIME, FATTR.ATIME_NOW, now, change.atime, change.atimensec)
      const mtime = timeAsked(valid, FATTR.MTIME, FATTR.MTIME_NOW, now, change.mtime, change.mtimensec)
      await this.need('utimes')(path, atime, mtime, context)
    }
    const stats = await this.nodeStats(req, id, change.handle)
    putStats(out.attr, stats, id)
    return 0
  }

  override async readlink(req: Request, id: number, out: DataOut): Promise<number> {
    out.text(await this.paths.readlink(this.path(id), contextOf(req)))
    return 0
  }

  override async mkdir(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    out: EntryOut,
  ): Promise<number> {
    return this.made(req, parent, name, out, (path, context) => this.paths.mkdir(path, mode, context))
  }

  override async symlink(
    req: Request,
    parent: number,
    name: string,
    target: string,
    out: EntryOut,
  ): Promise<number> {
    return this.made(req, parent, name, out, (path, context) => this.paths.symlink(target, path, context))
  }

  override async mknod(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    rdev: number,
    out: EntryOut,
  ): Promise<number> {
    return this.made(req, parent, name, out, (path, context) => this.paths.mknod(path, mode, rdev, context))
  }

  override async link(
    req: Request,
    id: number,
    parent: number,
    name: string,
    out: EntryOut,
  ): Promise<number> {
    const existing = this.path(id)
    return this.made(req, parent, name, out, (path, context) => this.paths.link(existing, path, context))
  }

  override async unlink(req: Request, parent: number, name: string): Promise<number> {
    const directory = this.node(parent)
    const node = this.tree.child(directory, name)
    if (node !== undefined && node.opens > 0 && this.canHide()) {
      await this.#hidden.hide(directory, name, node)
      return 0
    }
    await this.paths.unlink(this.tree.childPath(directory, name), contextOf(req))
    this.tree.detach(directory, name)
    return 0
  }

  override async rmdir(req: Request, parent: number, name: string): Promise<number> {
    const directory = this.node(parent)
    await this.paths.rmdir(this.tree.childPath(directory, name), contextOf(req))
    this.tree.detach(directory, name)
    return 0
  }

  override async rename(
    req: Request,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Promise<number> {
    const from = this.node(parent)
    const to = this.node(newParent)
    const replaced =
      (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) === 0 ? this.tree.child(to, newName) : undefined
    const hides =
      replaced !== undefined && replaced.opens > 0 && this.canHide() && !this.isDirectory(replaced)
    if (hides) await this.#hidden.hide(to, newName, replaced)
    try {
      const oldPath = this.tree.childPath(from, name)
      await this.paths.rename(oldPath, this.tree.childPath(to, newName), flags, contextOf(req))
    } catch (error) {
      if (hides) await this.#hidden.restore(to, newName, replaced)
      throw error
    }
    if ((flags & RENAME_EXCHANGE) !== 0) this.tree.exchange(from, name, to, newName)
    else {
      this.tree.detach(to, newName)
      this.tree.move(from, name, to, newName)
    }
    return 0
  }

  override async open(req: Request, id: number, flags: number, out: OpenOut): Promise<number> {
    const node = this.node(id)
    const value = await this.paths.open?.(this.tree.path(node), flags, contextOf(req))
    this.opened(node, value, out)
    return 0
  }

  override async create(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    flags: number,
    out: CreateOut,
  ): Promise<number> {
    const directory = this.node(parent)
    const path = this.tree.childPath(directory, name)
    const value = await this.paths.create(path, flags, mode, contextOf(req))
    try {
      this.entry(directory, name, await this.statPath(path, value, req), out.entry)
    } catch (error) {
      await this.paths.release?.(path, value, contextOf(req))
      throw error
    }
    this.opened(this.node(out.entry.nodeId), value, out.open)
    return 0
  }

  override read(
    req: Request,
    _id: number,
    handle: number,
    offset: number,
    size: number,
    out: DataOut,
  ): Result {
    const { node, value } = this.file(handle)
    const buffer = out.buffer(size)
    return then(this.paths.read(this.tree.path(node), value, buffer, offset, contextOf(req)), (bytes) => {
      if (!(bytes >= 0 && bytes <= size))
        throw new FsError('EIO', `read resolved with ${bytes} of ${size} bytes`)
      out.length = bytes
      return 0
    })
  }

  override write(req: Request, _id: number, handle: number, offset: number, data: Uint8Array): Result {
    const { node, value } = this.file(handle)
    return then(this.paths.write(this.tree.path(node), value, data, offset, contextOf(req)), (bytes) => bytes)
  }

  override async flush(req: Request, _id: number, handle: number): Promise<number> {
    const { node, value } = this.file(handle)
    await this.paths.flush(this.tree.path(node), value, contextOf(req))
    return 0
  }

  override async release(req: Request, id: number, handle: number): Promise<number> {
    const file = this.files.take(handle)
    const node = file?.node ?? this.node(id)
    node.opens--
    try {
      await this.paths.release?.(this.tree.path(node), file?.value, contextOf(req))
    } finally {
      if (node.opens === 0 && node.hidden) await this.#hidden.closed(node)
      this.tree.prune(node)
    }
    return 0
  }

  override async fsync(req: Request, _id: number, handle: number, datasync: boolean): Promise<number> {
    const { node, value } = this.file(handle)
    await this.paths.fsync(this.tree.path(node), value, datasync, contextOf(req))
    return 0
  }

  override async fallocate(
    req: Request,
    _id: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): Promise<number> {
    const { node, value } = this.file(handle)
    await this.paths.fallocate(this.tree.path(node), value, offset, length, mode, contextOf(req))
    return 0
  }

  override opendir(req: Request, id: number, _flags: number, out: OpenOut): Result {
    if (typeof this.paths.readdir !== 'function') return -errno.ENOSYS
    const node = this.node(id)
    const context = contextOf(req)
    node.opens++
    out.handle = this.#dirs.add(new Listing(() => this.paths.readdir(this.tree.path(node), context)))
    return 0
  }

  override readdir(_req: Request, id: number, handle: number, offset: number, out: DirOut): Result {
    const node = this.node(id)
    const listing = this.#dirs.get(handle)
    if (listing === undefined) return -errno.EBADF
    const parent = node.parent?.id ?? id
    return listing.fill(offset, out, id, parent, (name) => this.tree.child(node, name)?.id ?? 0)
  }

  override async releasedir(_req: Request, id: number, handle: number): Promise<number> {
    const node = this.node(id)
    node.opens--
    this.tree.prune(node)
    await this.#dirs.take(handle)?.close()
    return 0
  }

  override statfs(req: Request, id: number, out: StatfsOut): Result {
    const stats = this.paths.statfs === undefined ? {} : this.paths.statfs(this.path(id), contextOf(req))
    return then(stats as StatfsLike, (value) => {
      putStatfs(out, value)
      return 0
    })
  }

  override async access(req: Request, id: number, mask: number): Promise<number> {
    await this.paths.access(this.path(id), mask, contextOf(req))
    return 0
  }

  override async getxattr(
    req: Request,
    id: number,
    name: string,
    _size: number,
    out: DataOut,
  ): Promise<number> {
    const value = await this.paths.getxattr(this.path(id), name, contextOf(req))
    if (value === undefined) return -errno.ENODATA
    if (typeof value === 'string') out.text(value)
    else out.copy(value)
    return 0
  }

  override async setxattr(
    req: Request,
    id: number,
    name: string,
    value: Uint8Array,
    flags: number,
  ): Promise<number> {
    await this.paths.setxattr(this.path(id), name, value, flags, contextOf(req))
    return 0
  }

  override async listxattr(req: Request, id: number, _size: number, out: DataOut): Promise<number> {
    for (const name of await this.paths.listxattr(this.path(id), contextOf(req))) out.text(`${name}\0`)
    return 0
  }

  override async removexattr(req: Request, id: number, name: string): Promise<number> {
    await this.paths.removexattr(this.path(id), name, contextOf(req))
    return 0
  }
}

function timeAsked(
  valid: number,
  bit: number,
  nowBit: number,
  now: Date,
  seconds: number,
  nanoseconds: number,
): Date | undefined {
  if ((valid & bit) === 0) return undefined
  return (valid & nowBit) === 0 ? new Date(seconds * 1000 + nanoseconds / 1e6) : now
}

function putStatfs(out: StatfsOut, stats: StatfsLike): void {
  const bsize = Number(stats.bsize ?? BSIZE)
  out.bsize = bsize
  out.frsize = Number(stats.frsize ?? bsize)
  out.blocks = Number(stats.blocks ?? 0)
  out.bfree = Number(stats.bfree ?? 0)
  out.bavail = Number(stats.bavail ?? stats.bfree ?? 0)
  out.files = Number(stats.files ?? 0)
  out.ffree = Number(stats.ffree ?? 0)
  out.namelen = Number(stats.namelen ?? NAME_MAX)
}
