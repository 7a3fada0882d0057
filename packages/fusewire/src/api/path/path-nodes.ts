import { FOPEN } from '../constants.js'
import { FsError } from '../errors.js'
import { FileSystem } from '../filesystem.js'
import type { EntryOut, OpenOut } from '../outs.js'
import type { Request } from '../request.js'
import { HandleTable, type OpenFile } from './handles.js'
import type { PathContext, PathFileSystem, StatsLike } from './path-filesystem.js'
import { type PathNode, PathTree } from './path-tree.js'
import { putStats } from './stats.js'

/** What all operations of the bridge stand on: nodes and their paths, open files, stat, and entries in answers. */
export abstract class PathNodes extends FileSystem {
  protected readonly paths: Required<PathFileSystem>
  protected readonly tree = new PathTree()
  protected readonly files = new HandleTable<OpenFile>()
  /** Nodes whose size is not known before they are read. */
  readonly #sizeless = new WeakSet<PathNode>()
  /** What a removed node showed last, for fstat(2) where it cannot be asked any more. */
  readonly #last = new WeakMap<PathNode, StatsLike>()

  constructor(paths: PathFileSystem) {
    super()
    this.paths = paths as Required<PathFileSystem>
  }

  protected node(id: number): PathNode {
    const node = this.tree.get(id)
    if (node === undefined) throw new FsError('ESTALE', `node ${id} is not known`)
    return node
  }

  protected path(id: number): string {
    return this.tree.path(this.node(id))
  }

  protected file(handle: number): OpenFile {
    const file = this.files.get(handle)
    if (file === undefined) throw new FsError('EBADF', `handle ${handle} is not open`)
    return file
  }

  /** The open file of a call: the one it names, or any one of the node. */
  protected openFile(node: PathNode, handle: number | undefined): OpenFile | undefined {
    if (handle !== undefined) return this.files.get(handle)
    return node.opens > 0 ? this.files.find((file) => file.node === node) : undefined
  }

  protected need<M extends 'chmod' | 'chown' | 'truncate' | 'utimes'>(
    method: M,
  ): NonNullable<PathFileSystem[M]> {
    const found = this.paths[method]
    if (typeof found !== 'function') throw new FsError('ENOSYS', `the filesystem has no ${method}`)
    return found.bind(this.paths) as NonNullable<PathFileSystem[M]>
  }

  protected canHide(): boolean {
    return typeof this.paths.rename === 'function' && typeof this.paths.unlink === 'function'
  }

  protected isDirectory(node: PathNode): boolean {
    return (Number(this.#last.get(node)?.mode ?? 0) & 0o170000) === 0o040000
  }

  protected statPath(path: string, handle: unknown, req: Request): StatsLike | PromiseLike<StatsLike> {
    if (typeof this.paths.stat === 'function') return this.paths.stat(path, handle, contextOf(req))
    if (path === '/') return { mode: 0o040755, nlink: 2 }
    throw new FsError('ENOSYS', 'the filesystem has no stat')
  }

  protected nodeStats(
    req: Request,
    id: number,
    handle: number | undefined,
  ): StatsLike | PromiseLike<StatsLike> {
    const node = this.node(id)
    const last = this.#last.get(node)
    // The path of a removed node may lead to something else by now.
    if (node.removedPath !== null && !node.hidden && last !== undefined) return { ...last, nlink: 0 }
    return then(this.statPath(this.tree.path(node), this.openFile(node, handle)?.value, req), (stats) => {
      this.note(node, stats)
      return stats
    })
  }

  private note(node: PathNode, stats: StatsLike): void {
    this.#last.set(node, stats)
    if (stats.size === undefined && (Number(stats.mode) & 0o170000) === 0o100000) this.#sizeless.add(node)
    else this.#sizeless.delete(node)
  }

  protected entry(parent: PathNode, name: string, stats: StatsLike, out: EntryOut): number {
    const node = this.tree.lookup(parent, name)
    this.note(node, stats)
    out.nodeId = node.id
    putStats(out.attr, stats, node.id)
    return 0
  }

  protected async made(
    req: Request,
    parent: number,
    name: string,
    out: EntryOut,
    make: (path: string, context: PathContext) => unknown,
  ): Promise<number> {
    const directory = this.node(parent)
    const path = this.tree.childPath(directory, name)
    await make(path, contextOf(req))
    return this.entry(directory, name, await this.statPath(path, undefined, req), out)
  }

  protected opened(node: PathNode, value: unknown, out: OpenOut): void {
    node.opens++
    out.handle = this.files.add({ node, value })
    // Without a size the page cache would end at 0 bytes: reads must come to us.
    if (this.#sizeless.has(node)) out.flags = FOPEN.DIRECT_IO
  }
}

/** Goes on at once with a value, and later with a promise: nothing is awaited that does not wait. */
export function then<T, R>(value: T | PromiseLike<T>, next: (value: T) => R): R | PromiseLike<R> {
  const promise = value as PromiseLike<T>
  return typeof promise?.then === 'function' ? promise.then(next) : next(value as T)
}

export function contextOf(req: Request): PathContext {
  const { uid, gid, pid, umask } = req
  return {
    uid,
    gid,
    pid,
    umask,
    get signal() {
      return req.signal
    },
  }
}
