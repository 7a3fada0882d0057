import { errno } from '../../abi/errno.js'
import type { InitRequest, Negotiated } from '../connection.js'
import { FATTR } from '../constants.js'
import type { DataOut } from '../data-out.js'
import type { DirOut } from '../dir-out.js'
import type { AttrOut, CreateOut, OpenOut, StatfsOut } from '../outs.js'
import type { Request, Result } from '../request.js'
import type { SetattrIn } from '../setattr-in.js'
import type { StatxOut } from '../statx-out.js'
import { HandleTable } from './handles.js'
import { Listing } from './listing.js'
import type { PathContext, PathFileSystem, StatfsLike } from './path-filesystem.js'
import { OWN_CONTEXT, PathNames } from './path-names.js'
import { contextOf, then } from './path-nodes.js'
import type { PathNode } from './path-tree.js'
import { putStats, putStatx } from './stats.js'

const BSIZE = 4096
const NAME_MAX = 255

/** Which methods of a path filesystem each method of ours needs; without all of them the kernel hears ENOSYS. */
const NEEDS: Readonly<Record<string, readonly (keyof PathFileSystem)[]>> = {
  opendir: ['readdir'],
  readdir: ['readdir'],
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
export class PathBridge extends PathNames {
  readonly #dirs = new HandleTable<Listing>()

  constructor(paths: PathFileSystem) {
    super(paths)
    for (const [method, needs] of Object.entries(NEEDS)) {
      const missing = needs.some((name) => typeof paths[name] !== 'function')
      if (missing) Object.defineProperty(this, method, { value: undefined })
    }
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
  /** The kernel forgets at the end: what is still open is closed, and what was kept for it is removed. */
  override async destroy(): Promise<void> {
    const files = this.files.values()
    const closed = files.map(async ({ node, value }) => {
      await this.paths.release?.(this.tree.path(node), value, OWN_CONTEXT)
    })
    const results = await Promise.allSettled(closed)
    results.push(...(await Promise.allSettled(this.hidden.nodes().map((node) => this.hidden.closed(node)))))
    await this.paths.destroy?.()
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  override forget(node: number, count: number): void {
    this.tree.forget(node, count)
  }

  override getattr(req: Request, id: number, handle: number | undefined, out: AttrOut): Result {
    return then(this.nodeStats(req, id, handle), (stats) => {
      putStats(out.attr, stats, id)
      out.attr.nlink = this.linksOf(this.node(id), stats)
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
      out.nlink = this.linksOf(this.node(id), stats)
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
    out.attr.nlink = this.linksOf(node, stats)
    return 0
  }

  override async open(req: Request, id: number, flags: number, out: OpenOut): Promise<number> {
    const node = this.node(id)
    // Counted from here on, so that an unlink meanwhile hides the file.
    node.opens++
    try {
      const value = await this.paths.open?.(this.tree.path(node), flags, contextOf(req))
      this.opened(node, value, out)
    } catch (error) {
      await this.#left(node)
      throw error
    }
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
    const path = this.newPath(directory, name)
    const value = await this.paths.create(path, flags, mode, contextOf(req))
    try {
      this.entry(directory, name, await this.statPath(path, value, req), out.entry)
    } catch (error) {
      await this.paths.release?.(path, value, contextOf(req))
      throw error
    }
    const node = this.node(out.entry.nodeId)
    node.opens++
    this.opened(node, value, out.open)
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
      if (!(Number.isInteger(bytes) && bytes >= 0 && bytes <= size))
        // No errno in it: the author gets a line, the caller EIO.
        throw new Error(`read resolved with ${bytes} of ${size} bytes`)
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

  override async release(req: Request, _id: number, handle: number): Promise<number> {
    const file = this.closing(handle)
    if (file === undefined) return -errno.EBADF
    const { node, value } = file
    try {
      await this.paths.release?.(this.tree.path(node), value, contextOf(req))
    } finally {
      await this.#left(node)
    }
    return 0
  }

  /** One user of a node less. */
  async #left(node: PathNode): Promise<void> {
    node.opens--
    try {
      if (node.opens === 0 && node.hidden) await this.hidden.closed(node)
    } finally {
      this.tree.prune(node)
    }
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
    const node = this.node(id)
    const context = contextOf(req)
    node.opens++
    out.handle = this.#dirs.add(new Listing(() => this.#entries(node, context)))
    return 0
  }

  #entries(node: PathNode, context: PathContext): ReturnType<PathBridge['paths']['readdir']> {
    // A removed directory is empty; its path may lead to another one by now.
    return node.removedPath === null ? this.paths.readdir(this.tree.path(node), context) : []
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
  return (valid & nowBit) === 0 ? new Date(seconds * 1000 + Math.floor(nanoseconds / 1e6)) : now
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
