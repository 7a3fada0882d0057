import type { VfsCalls } from '../../native/vfs.js'
import type { Node } from './node.js'

/** An open file or directory. */
export interface Handle {
  readonly node: Node
  readonly fd: number
  /** open(2) flags of the descriptor. */
  readonly flags: number
  /** A directory's read-ahead, made at its first reading. */
  ahead: Uint8Array | null
  /** Calls on the pool that use the descriptor: it is closed when they are done. */
  busy: number
  released: boolean
}

/** The handles that the kernel holds. A number is used again after its release. */
export class HandleTable {
  readonly #vfs: VfsCalls
  readonly #slots: (Handle | undefined)[] = []
  readonly #free: number[] = []

  constructor(vfs: VfsCalls) {
    this.#vfs = vfs
  }

  add(node: Node, fd: number, flags: number): number {
    const id = this.#free.pop() ?? this.#slots.length
    this.#slots[id] = { node, fd, flags, ahead: null, busy: 0, released: false }
    node.opens++
    return id
  }

  get(id: number): Handle | undefined {
    return this.#slots[id]
  }

  /** Takes the handle out; its descriptor is closed as soon as nobody uses it. */
  release(id: number): Handle | undefined {
    const handle = this.#slots[id]
    if (handle === undefined) return undefined
    this.#slots[id] = undefined
    this.#free.push(id)
    handle.node.opens--
    handle.released = true
    if (handle.busy === 0) this.#vfs.vfsClose(handle.fd)
    return handle
  }

  /** Keeps the descriptor open until {@link done}. */
  use(handle: Handle): void {
    handle.busy++
  }
  done(handle: Handle): void {
    handle.busy--
    if (handle.busy === 0 && handle.released) this.#vfs.vfsClose(handle.fd)
  }

  releaseAll(): void {
    for (let id = 0; id < this.#slots.length; id++) this.release(id)
  }
}
