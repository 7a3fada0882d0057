import type { PathNode, PathTree } from './path-tree.js'

/** As libfuse's `.fuse_hidden`: where an unlinked file lives until its last close. Never listed, never found. */
const PREFIX = '.fusewire_hidden_'

export const isHiddenName = (name: string): boolean => name.startsWith(PREFIX)

/** What hiding needs of the filesystem. */
export interface Renames {
  rename(from: string, to: string): PromiseLike<unknown> | unknown
  unlink(path: string): PromiseLike<unknown> | unknown
}

/** Files that lost their name while they are open. */
export class HiddenFiles {
  readonly #tree: PathTree
  readonly #fs: Renames
  readonly #nodes = new Set<PathNode>()
  #count = 0

  constructor(tree: PathTree, fs: Renames) {
    this.#tree = tree
    this.#fs = fs
  }

  /** Moves an open file out of the way; its node keeps working under the hidden path. */
  async hide(parent: PathNode, name: string, node: PathNode): Promise<void> {
    const path = this.#tree.childPath(parent, `${PREFIX}${node.id}_${++this.#count}`)
    await this.#fs.rename(this.#tree.childPath(parent, name), path)
    this.#tree.detach(parent, name)
    node.removedPath = path
    node.hidden = true
    this.#nodes.add(node)
  }

  /** Undoes {@link hide}: the rename that wanted the name failed. */
  async restore(parent: PathNode, name: string, node: PathNode): Promise<void> {
    const from = node.removedPath!
    await this.#fs.rename(from, this.#tree.childPath(parent, name))
    this.#nodes.delete(node)
    node.hidden = false
    node.removedPath = null
    this.#tree.attach(parent, name, node)
  }

  /** The last close of a hidden file removes it. */
  async closed(node: PathNode): Promise<void> {
    if (!this.#nodes.delete(node)) return
    node.hidden = false
    await this.#fs.unlink(node.removedPath!)
  }

  /** Removes what the end of the mount left open. */
  async end(): Promise<void> {
    for (const node of [...this.#nodes]) await this.closed(node)
  }
}
