import { IO } from '../../native/vfs.js'
import { NodeTable } from '../common/node-table.js'
import { type Device, DeviceTable } from './device.js'
import { type Identity, identityOf, Node, typeOf } from './node.js'

/** FUSE_ROOT_ID */
export const ROOT_ID = 1

/** The nodes that the kernel knows, by id and by identity, with exact reference counts. */
export class BackingNodes {
  readonly devices = new DeviceTable()
  readonly #table = new NodeTable<Node>()

  /** Nodes known, the root included. */
  get size(): number {
    return this.#table.size
  }
  /** Ids in use are below this one. */
  get limit(): number {
    return this.#table.limit
  }
  at(id: number): Node | undefined {
    return this.#table.get(id)
  }
  [Symbol.iterator](): Iterator<Node> {
    return this.#table[Symbol.iterator]()
  }

  /** The node of the identity that the last call left in the block. */
  find(device: Device, io: Uint32Array): Node | undefined {
    const node = device.find(io[IO.inoLow]!, io[IO.inoHigh]!)
    if (node === undefined || this.isSame(node, io)) return node
    // The number belongs to another inode from now on.
    device.remove(node)
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
    const node = new Node(device, ino, parent, name)
    this.#table.add(node)
    device.add(node)
    return node
  }

  /** Gives `count` references back; the node when none is left, so that its descriptor can be closed. */
  forget(id: number, count: number): Node | undefined {
    const node = this.#table.get(id)
    if (node === undefined || id === ROOT_ID) return undefined
    node.lookups = Math.max(0, node.lookups - count)
    if (node.lookups > 0) return undefined
    node.device.remove(node)
    this.#table.remove(node)
    return node
  }
}
