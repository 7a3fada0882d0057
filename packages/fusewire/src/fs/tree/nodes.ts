import { FsError } from '../../api/errors.js'
import type { WrittenContent } from './content.js'
import { bytesOf, type Content, type Entry, kindOf } from './entries.js'

const ROOT_ID = 1

/** A name of the tree that the kernel knows. */
export class TreeNode {
  readonly id: number
  readonly parent: number
  readonly name: string
  entry: Entry
  lookups = 0
  /** Bytes that the last open or write found, where the entry itself does not tell. */
  size = 0
  /** When the content was last seen to change, milliseconds since 1970; 0 never. */
  changed = 0
  /** What the open writers share; null when there is none. */
  writing: WrittenContent | null = null
  #text: Content | null = null
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(id: number, parent: number, name: string, entry: Entry) {
    this.id = id
    this.parent = parent
    this.name = name
    this.entry = entry
  }

  /** The bytes of fixed content, encoded once. */
  bytes(content: Content): Uint8Array {
    if (this.#text !== content) {
      if (this.#text !== null) this.changed = Date.now()
      this.#text = content
      this.#bytes = bytesOf(content)
    }
    return this.#bytes
  }
}

/** The nodes that the kernel refers to. A name whose entry becomes something of another kind becomes another node. */
export class TreeNodes {
  readonly #nodes = new Map<number, TreeNode>()
  readonly #names = new Map<string, TreeNode>()
  #lastId = ROOT_ID

  constructor(root: Entry) {
    this.#nodes.set(ROOT_ID, new TreeNode(ROOT_ID, ROOT_ID, '', root))
  }

  get(id: number): TreeNode {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new FsError('ESTALE', `node ${id} is not known`)
    return node
  }

  find(id: number): TreeNode | undefined {
    return this.#nodes.get(id)
  }

  /** The id of a name if the kernel knows it. */
  known(parent: TreeNode, name: string): number | undefined {
    return this.#names.get(key(parent.id, name))?.id
  }

  lookup(parent: TreeNode, name: string, entry: Entry): TreeNode {
    const at = key(parent.id, name)
    let node = this.#names.get(at)
    if (node === undefined || kindOf(node.entry) !== kindOf(entry)) {
      node = new TreeNode(++this.#lastId, parent.id, name, entry)
      this.#nodes.set(node.id, node)
      this.#names.set(at, node)
    }
    node.entry = entry
    node.lookups++
    return node
  }

  forget(id: number, count: number): void {
    const node = this.#nodes.get(id)
    if (node === undefined || id === ROOT_ID) return
    node.lookups -= count
    if (node.lookups > 0) return
    this.#nodes.delete(id)
    const at = key(node.parent, node.name)
    if (this.#names.get(at) === node) this.#names.delete(at)
  }
}

/** A name has no NUL, so the key is unique. */
const key = (parent: number, name: string): string => `${parent}\0${name}`
