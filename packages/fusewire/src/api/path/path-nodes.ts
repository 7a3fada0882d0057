import { FOPEN, S_IF } from '../constants.js'
import { FsError } from '../errors.js'
import { FileSystem } from '../filesystem.js'
import type { EntryOut, OpenOut } from '../outs.js'
import type { Request } from '../request.js'
import { HandleTable, type OpenFile } from './handles.js'
import { isHiddenName } from './hidden.js'
import type { PathContext, PathFileSystem, StatsLike } from './path-filesystem.js'
import { type PathNode, PathTree } from './path-tree.js'
import { putStats, typeOf } from './stats.js'

/** What all operations of the bridge stand on: nodes and their paths, open files, stat, and entries in answers. */
export abstract class PathNodes extends FileSystem {
  protected readonly paths: Required<PathFileSystem>
  protected readonly tree = new PathTree()
  protected readonly files = new HandleTable<OpenFile>()
  /** The open files of a node. */
  readonly #open = new WeakMap<PathNode, Set<OpenFile>>()
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
    return this.#open.get(node)?.values().next().value
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
    const last = this.#last.get(node)
    return last !== undefined && typeOf(last) === S_IF.DIR
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
    if (node.removedPath !== null && last !== undefined) return last
    return then(this.statPath(this.tree.path(node), this.openFile(node, handle)?.value, req), (stats) => {
      this.note(node, stats)
      return stats
    })
  }

  /** Links of a node: what has lost its name here has one less. */
  protected linksOf(node: PathNode, stats: StatsLike): number {
    const links = Number(stats.nlink ?? 1)
    if (node.removedPath !== null) return 0
    return node.hidden ? Math.max(0, links - 1) : links
  }

  private note(node: PathNode, stats: StatsLike): void {
    this.#last.set(node, stats)
    if (stats.size === undefined && typeOf(stats) === S_IF.REG) this.#sizeless.add(node)
    else this.#sizeless.delete(node)
  }

  protected entry(parent: PathNode, name: string, stats: StatsLike, out: EntryOut): number {
    const known = this.tree.child(parent, name)
    // Somebody else put another file in its place: the kernel must see another node.
    if (known !== undefined && this.#isOther(known, stats)) this.tree.detach(parent, name)
    const node = this.tree.lookup(parent, name)
    this.note(node, stats)
    out.nodeId = node.id
    putStats(out.attr, stats, node.id)
    return 0
  }

  #isOther(node: PathNode, stats: StatsLike): boolean {
    const last = this.#last.get(node)
    if (last === undefined) return false
    if (typeOf(last) !== typeOf(stats)) return true
    return last.ino !== undefined && stats.ino !== undefined && last.ino !== stats.ino
  }

  /** The path of a name that is to be made; hidden names are the library's own. */
  protected newPath(parent: PathNode, name: string): string {
    if (isHiddenName(name)) throw new FsError('EPERM', `names that begin as ${name} stand for unlinked files`)
    return this.tree.childPath(parent, name)
  }

  protected async made(
    req: Request,
    parent: number,
    name: string,
    out: EntryOut,
    make: (path: string, context: PathContext) => unknown,
  ): Promise<number> {
    const directory = this.node(parent)
    const path = this.newPath(directory, name)
    await make(path, contextOf(req))
    return this.entry(directory, name, await this.statPath(path, undefined, req), out)
  }

  /** Hands out a handle for an open file; `node.opens` counts it already. */
  protected opened(node: PathNode, value: unknown, out: OpenOut): void {
    const file = { node, value }
    out.handle = this.files.add(file)
    const files = this.#open.get(node)
    if (files === undefined) this.#open.set(node, new Set([file]))
    else files.add(file)
    // Without a size the page cache would end at 0 bytes: reads must come to us.
    if (this.#sizeless.has(node)) out.flags = FOPEN.DIRECT_IO
  }

  /** Takes a handle back. */
  protected closing(handle: number): OpenFile | undefined {
    const file = this.files.take(handle)
    if (file !== undefined) this.#open.get(file.node)?.delete(file)
    return file
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
