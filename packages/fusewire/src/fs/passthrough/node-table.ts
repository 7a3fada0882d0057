import { IO } from '../../native/vfs.js'
import { type Device, DeviceTable } from './device.js'
import { type Identity, identityOf, Node, typeOf } from './node.js'

/** FUSE_ROOT_ID */
export const ROOT_ID = 1

/**
 * The nodes that the kernel knows, by id and by identity, with exact reference counts. An id is used again after its
 * node is forgotten, with another generation.
 */
export class NodeTable {
  readonly devices = new DeviceTable()
  readonly #slots: (Node | undefined)[] = [undefined]
  readonly #free: number[] = []
  #generation = 0
  #size = 0

  /** Nodes known, the root included. */
  get size(): number {
    return this.#size
  }
  /** Ids up to and excluding this one may be in use. */
  get limit(): number {
    return this.#slots.length
  }
  at(id: number): Node | undefined {
    return this.#slots[id]
  }

  /** The node of the identity that the last call left in the block. */
  find(device: Device, io: Uint32Array): Node | undefined {
    const node = device.find(io[IO.inoLow]!, io[IO.inoHigh]!)
    if (node === undefined || this.isSame(node, io)) return node
    this.#disown(node)
    return undefined
  }

  /**
   * Whether the node is the inode that the block describes, equal numbers taken for granted. A held descriptor keeps
   * the number from being used again; without one, type and time of birth decide.
   */
  isSame(node: Node, io: Uint32Array): boolean {
    if (node.fd >= 0 || node.opens > 0) return true
    return node.type === typeOf(io[IO.mode]!) && node.ino.birth === identityOf(io).birth
  }

  add(device: Device, ino: Identity, parent: Node | null, name: string): Node {
    const id = this.#free.pop() ?? this.#slots.length
    this.#generation = (this.#generation + 1) >>> 0
    // The kernel requires generation 0 of the root.
    const node = new Node(id, id === ROOT_ID ? 0 : this.#generation, device, ino, parent, name)
    this.#slots[id] = node
    this.#size++
    device.add(node)
    return node
  }

  /** Gives `count` references back; the node when none is left, so that its descriptor can be closed. */
  forget(id: number, count: number): Node | undefined {
    const node = this.#slots[id]
    if (node === undefined || id === ROOT_ID) return undefined
    node.lookups = Math.max(0, node.lookups - count)
    if (node.lookups > 0) return undefined
    this.#slots[id] = undefined
    this.#free.push(id)
    this.#size--
    this.#disown(node)
    return node
  }

  /** The number belongs to another inode from now on. */
  #disown(node: Node): void {
    node.device.remove(node)
  }
}
