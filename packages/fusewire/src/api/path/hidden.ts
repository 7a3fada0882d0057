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

  /** Moves an open file out of the way; it stays in the tree, so that its path follows renames of its directories. */
  async hide(parent: PathNode, name: string, node: PathNode): Promise<void> {
    await this.#move(node, parent, name, parent)
    node.hidden = true
    this.#nodes.add(node)
  }

  /** Undoes {@link hide}: the rename that wanted the name failed. */
  async restore(parent: PathNode, name: string, node: PathNode): Promise<void> {
    await this.#fs.rename(this.#tree.path(node), this.#tree.childPath(parent, name))
    this.#nodes.delete(node)
    node.hidden = false
    this.#tree.move(node.parent!, node.name, parent, name)
  }

  /**
   * Moves the hidden files of a directory up into its parent, so that it can be removed. True when there were some.
   */
  async leave(directory: PathNode): Promise<boolean> {
    const inside = [...this.#nodes].filter((node) => node.parent === directory)
    if (directory.parent === null) return false
    for (const node of inside) await this.#move(node, directory, node.name, directory.parent)
    return inside.length > 0
  }

  /** The last close of a hidden file removes it. */
  async closed(node: PathNode): Promise<void> {
    if (!this.#nodes.delete(node)) return
    const path = this.#tree.path(node)
    node.hidden = false
    if (node.parent !== null) this.#tree.detach(node.parent, node.name)
    await this.#fs.unlink(path)
  }

  /** What the end of the mount left open. */
  nodes(): readonly PathNode[] {
    return [...this.#nodes]
  }

  async #move(node: PathNode, parent: PathNode, name: string, to: PathNode): Promise<void> {
    const hidden = `${PREFIX}${node.id}_${++this.#count}`
    await this.#fs.rename(this.#tree.childPath(parent, name), this.#tree.childPath(to, hidden))
    this.#tree.move(parent, name, to, hidden)
  }
}
