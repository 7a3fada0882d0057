/** One node that the kernel knows, with the place its path leads through. */
export interface PathNode {
  readonly id: number
  /** Null for the root and for what has been removed. */
  parent: PathNode | null
  name: string
  /** Children that the kernel knows, by name. Null until there is one. */
  children: Map<string, PathNode> | null
  /** References that the kernel holds (its lookup count). */
  lookups: number
  /** Open files and directories. */
  opens: number
  /** The path of a removed node at the time it was removed. */
  removedPath: string | null
  /** Unlinked while it is open: it stands under a hidden name until its last close. */
  hidden: boolean
}

const ROOT_ID = 1

/**
 * Names and nodes: the kernel speaks of nodes, a path filesystem of paths. A node is kept while the kernel refers to it,
 * while it is open, and while one of its children is kept, for their paths lead through it.
 */
export class PathTree {
  readonly #nodes = new Map<number, PathNode>()
  readonly root: PathNode
  #nextId = ROOT_ID

  constructor() {
    this.root = this.#make(null, '')
  }

  get size(): number {
    return this.#nodes.size
  }

  get(id: number): PathNode | undefined {
    return this.#nodes.get(id)
  }

  /** The node's path now. A removed one keeps the path it had, which may lead to something else or to nothing. */
  path(node: PathNode): string {
    const names: string[] = []
    let at = node
    while (at.parent !== null) {
      names.push(at.name)
      at = at.parent
    }
    const start = at.removedPath ?? ''
    if (names.length === 0) return start === '' ? '/' : start
    return `${start}/${names.reverse().join('/')}`
  }

  childPath(parent: PathNode, name: string): string {
    const path = this.path(parent)
    return path === '/' ? `/${name}` : `${path}/${name}`
  }

  child(parent: PathNode, name: string): PathNode | undefined {
    return parent.children?.get(name)
  }

  /** The node of a name, made if the kernel does not know it yet, with one more reference. */
  lookup(parent: PathNode, name: string): PathNode {
    let node = this.child(parent, name)
    if (node === undefined) {
      node = this.#make(parent, name)
      parent.children ??= new Map()
      parent.children.set(name, node)
    }
    node.lookups++
    return node
  }

  /** Gives references back. */
  forget(id: number, count: number): void {
    const node = this.#nodes.get(id)
    if (node === undefined) return
    node.lookups = Math.max(0, node.lookups - count)
    this.prune(node)
  }

  /** The name is gone (unlink, rmdir, replaced by a rename): its node lives on without a place. */
  detach(parent: PathNode, name: string): PathNode | undefined {
    const node = this.child(parent, name)
    if (node === undefined) return undefined
    node.removedPath = this.path(node)
    parent.children!.delete(name)
    node.parent = null
    this.prune(node)
    this.prune(parent)
    return node
  }

  /** Follows a rename; what stood at the new name must have been detached before. */
  move(parent: PathNode, name: string, newParent: PathNode, newName: string): void {
    const node = this.child(parent, name)
    if (node === undefined) return
    parent.children!.delete(name)
    node.parent = newParent
    node.name = newName
    newParent.children ??= new Map()
    newParent.children.set(newName, node)
    this.prune(parent)
  }

  /** Follows RENAME_EXCHANGE. */
  exchange(parent: PathNode, name: string, newParent: PathNode, newName: string): void {
    const first = this.child(parent, name)
    const second = this.child(newParent, newName)
    if (first !== undefined) parent.children!.delete(name)
    if (second !== undefined) newParent.children!.delete(newName)
    if (first !== undefined) this.#place(first, newParent, newName)
    if (second !== undefined) this.#place(second, parent, name)
    this.prune(parent)
    this.prune(newParent)
  }

  /** Drops the node and its ancestors as far as nobody needs them. */
  prune(node: PathNode): void {
    let at: PathNode | null = node
    while (at !== null && at.id !== ROOT_ID) {
      if (at.lookups > 0 || at.opens > 0 || (at.children !== null && at.children.size > 0)) return
      this.#nodes.delete(at.id)
      const parent: PathNode | null = at.parent
      if (parent?.children?.get(at.name) === at) parent.children.delete(at.name)
      at = parent
    }
  }

  #place(node: PathNode, parent: PathNode, name: string): void {
    node.parent = parent
    node.name = name
    parent.children ??= new Map()
    parent.children.set(name, node)
  }

  /** Ids are never used twice, so generations are not needed: 2^53 of them last for ever. */
  #make(parent: PathNode | null, name: string): PathNode {
    const id = this.#nextId++
    const node = { id, parent, name, children: null, lookups: 0, opens: 0, removedPath: null, hidden: false }
    this.#nodes.set(id, node)
    return node
  }
}
