import { S_IF } from '../../api/constants.js'
import { IO } from '../../native/vfs.js'
import type { TableNode } from '../common/node-table.js'
import type { Device } from './device.js'

/**
 * One inode that the kernel knows of. Identity is the backing (device, inode number); hard links share a node. While
 * `fd` is open the inode cannot go away; without it the node is found again by file handle, or by the name under which it
 * was last seen.
 */
export class Node implements TableNode {
  id = 0
  generation = 0
  readonly device: Device
  readonly ino: Identity
  /** File type bits of the mode; a node never changes its type. */
  readonly type: number
  /** O_PATH descriptor, -1 while none is held. */
  fd = -1
  /** References that the kernel holds. */
  lookups = 0
  /** Open files and directories of this node. */
  opens = 0
  parent: Node | null
  name: string
  /** File handle by which a node without descriptor is opened again; null when it goes by name. */
  handle: Uint8Array | null = null
  /** The operation that last used the descriptor: what was used long ago is closed first. */
  usedAt = 0

  constructor(device: Device, ino: Identity, parent: Node | null, name: string) {
    this.device = device
    this.ino = ino
    this.type = ino.type
    this.parent = parent
    this.name = name
  }

  get isDirectory(): boolean {
    return this.type === S_IF.DIR
  }
}

/** What tells one inode from all others: its number, and its time of birth where numbers are used again. */
export interface Identity {
  readonly low: number
  readonly high: number
  readonly type: number
  /** Nanoseconds since 1970, rounded; 0 where the filesystem does not know it. */
  readonly birth: number
}

/** The identity that the last call left in the block. */
export function identityOf(io: Uint32Array): Identity {
  return {
    low: io[IO.inoLow]!,
    high: io[IO.inoHigh]!,
    type: io[IO.mode]! & S_IF.MT,
    birth: birthOf(io[IO.birthLow]!, io[IO.birthHigh]!, io[IO.birthNsec]!),
  }
}

export function birthOf(low: number, high: number, nsec: number): number {
  return ((high | 0) * 0x1_0000_0000 + low) * 1e9 + nsec
}

export const typeOf = (mode: number): number => mode & S_IF.MT
