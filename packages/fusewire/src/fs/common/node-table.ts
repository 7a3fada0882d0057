/** What a node needs in order to live in a {@link NodeTable}. */
export interface TableNode {
  /** Node id, at the same time the inode number; 0 while the node is in no table. */
  id: number
  /** Tells this node from earlier ones with the same id. */
  generation: number
  /** References that the kernel holds (successful lookups less forgets). */
  lookups: number
}

/**
 * Nodes by their ids. Ids start at 1 (the root) and are dense, so that finding one is an array access; a freed id is
 * used again, the longest free first, with the next generation. The generation of id 1 is 0, as the kernel demands.
 */
export class NodeTable<T extends TableNode> {
  #nodes: (T | undefined)[] = [undefined]
  #generations: number[] = [0]
  /** For a free id: the id that was freed after it, 0 at the end. */
  #nextFree: number[] = [0]
  #firstFree = 0
  #lastFree = 0
  #size = 0

  /** Nodes in the table. */
  get size(): number {
    return this.#size
  }

  /** Ids in use are below this one. */
  get limit(): number {
    return this.#nodes.length
  }

  get(id: number): T | undefined {
    return this.#nodes[id]
  }

  /** Gives the node an id and a generation. */
  add(node: T): void {
    let id = this.#firstFree
    if (id === 0) {
      id = this.#nodes.length
      this.#nodes.push(node)
      this.#generations.push(0)
      this.#nextFree.push(0)
    } else {
      this.#firstFree = this.#nextFree[id] ?? 0
      if (this.#firstFree === 0) this.#lastFree = 0
      this.#nextFree[id] = 0
      this.#nodes[id] = node
    }
    node.id = id
    node.generation = this.#generations[id] ?? 0
    this.#size++
  }

  /** Frees the node's id. The next node that gets it has another generation (32 bits are what the kernel keeps). */
  remove(node: T): void {
    const id = node.id
    if (this.#nodes[id] !== node) throw new Error(`node ${id} is not in the table`)
    this.#nodes[id] = undefined
    this.#generations[id] = ((this.#generations[id] ?? 0) + 1) >>> 0
    if (this.#lastFree === 0) this.#firstFree = id
    else this.#nextFree[this.#lastFree] = id
    this.#lastFree = id
    this.#size--
  }

  *[Symbol.iterator](): Generator<T> {
    for (const node of this.#nodes) if (node !== undefined) yield node
  }
}
