import { errno } from '../../abi/errno.js'
import type { DataOut } from '../data-out.js'
import { errnoOf } from '../errors.js'
import type { EntryOut } from '../outs.js'
import type { Request, Result } from '../request.js'
import { HiddenFiles, isHiddenName } from './hidden.js'
import type { PathContext, PathFileSystem } from './path-filesystem.js'
import { contextOf, PathNodes, then } from './path-nodes.js'
import type { PathNode } from './path-tree.js'

const RENAME_NOREPLACE = 1
const RENAME_EXCHANGE = 2

/** For what the library does on its own: nobody's, and never interrupted. */
export const OWN_CONTEXT: PathContext = {
  uid: 0,
  gid: 0,
  pid: 0,
  umask: 0,
  signal: new AbortController().signal,
}

/** The operations on names: what comes into being, goes, moves, and keeps living unseen. */
export abstract class PathNames extends PathNodes {
  protected readonly hidden: HiddenFiles

  constructor(paths: PathFileSystem) {
    super(paths)
    this.hidden = new HiddenFiles(this.tree, {
      rename: (from, to) => this.paths.rename(from, to, 0, OWN_CONTEXT),
      unlink: (path) => this.paths.unlink(path, OWN_CONTEXT),
    })
  }

  override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
    if (isHiddenName(name)) return -errno.ENOENT
    const directory = this.node(parent)
    const path = this.tree.childPath(directory, name)
    return then(this.statPath(path, undefined, req), (stats) => this.entry(directory, name, stats, out))
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
      await this.hidden.hide(directory, name, node)
      return 0
    }
    await this.paths.unlink(this.tree.childPath(directory, name), contextOf(req))
    this.tree.detach(directory, name)
    return 0
  }

  override async rmdir(req: Request, parent: number, name: string): Promise<number> {
    const directory = this.node(parent)
    const path = this.tree.childPath(directory, name)
    await this.#emptied(this.tree.child(directory, name), () => this.paths.rmdir(path, contextOf(req)))
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
    const oldPath = this.tree.childPath(from, name)
    const newPath = this.newPath(to, newName)
    const replaces = (flags & (RENAME_NOREPLACE | RENAME_EXCHANGE)) === 0
    const replaced = replaces ? this.tree.child(to, newName) : undefined
    const isDirectory = replaced !== undefined && this.isDirectory(replaced)
    const hides = replaced !== undefined && !isDirectory && replaced.opens > 0 && this.canHide()
    if (hides) await this.hidden.hide(to, newName, replaced)
    try {
      const rename = () => this.paths.rename(oldPath, newPath, flags, contextOf(req))
      await this.#emptied(isDirectory ? replaced : undefined, rename)
    } catch (error) {
      if (hides) await this.hidden.restore(to, newName, replaced)
      throw error
    }
    if ((flags & RENAME_EXCHANGE) !== 0) this.tree.exchange(from, name, to, newName)
    else {
      this.tree.detach(to, newName)
      this.tree.move(from, name, to, newName)
    }
    return 0
  }

  /** Tries again when only hidden files kept a directory from being removed or replaced. */
  async #emptied(directory: PathNode | undefined, remove: () => unknown): Promise<void> {
    try {
      await remove()
    } catch (error) {
      const full = -errnoOf(error)
      if (full !== errno.ENOTEMPTY && full !== errno.EEXIST) throw error
      if (directory === undefined || !(await this.hidden.leave(directory))) throw error
      await remove()
    }
  }
}
