import { constants } from 'node:fs'
import { errno } from '../../api/errors.js'
import { HANDLE_BYTES, IO, IO_FLAG, type VfsCalls } from '../../native/vfs.js'
import type { BackingNodes } from './backing-nodes.js'
import type { Device } from './device.js'
import type { Node } from './node.js'

/** Share of all descriptors that nodes may hold; the rest is for open files, locks and everything else of the process. */
const SHARE = 0.6
/** So many are closed at once when they run short, so that the search for idle ones is not repeated for each. */
const BATCH_MAX = 256

/**
 * The O_PATH descriptors of nodes, bounded. When they run short those that were not used for long are closed; a node
 * without one is opened again when it is needed: by file handle as root where the filesystem has handles, else by
 * parent and name, and only if what is found is the same inode.
 */
export class Descriptors {
  readonly #vfs: VfsCalls
  readonly #io: Uint32Array
  readonly #nodes: BackingNodes
  readonly #scratch = new Uint8Array(HANDLE_BYTES)
  readonly #words = new Uint32Array(22)
  readonly #limit: number
  #held = 0
  /** When so many are held, idle ones are closed. */
  #closeAt: number
  #closing = false
  #turn = 1
  #hand = 2
  /** Nodes used at this turn or before are idle when the hand passes. */
  #idleTurn = 0

  constructor(vfs: VfsCalls, io: Uint32Array, nodes: BackingNodes, limit: number | undefined) {
    this.#vfs = vfs
    this.#io = io
    this.#nodes = nodes
    const files = vfs.vfsRaiseFileLimit()
    this.#limit = limit ?? Math.max(16, Math.floor((files > 0 ? files : 1024) * SHARE))
    this.#closeAt = this.#limit
  }

  /** Descriptors held by nodes. */
  get held(): number {
    return this.#held
  }
  /** True when some node has no descriptor at the moment. */
  get someWithout(): boolean {
    return this.#held < this.#nodes.size
  }

  /** Called at the start of each operation: what it uses from now on stays open until the next one. */
  turn(): void {
    this.#turn++
    if (this.#held < this.#closeAt) return
    const closed = this.#closeIdle(Math.min(BATCH_MAX, Math.ceil(this.#limit / 4)))
    // Where nothing can be closed, the search is not repeated for each operation.
    this.#closeAt = closed > 0 ? this.#limit : this.#held + BATCH_MAX
  }

  /** The node's descriptor, opened anew if need be; or a negative errno. */
  of(node: Node): number {
    node.usedAt = this.#turn
    return node.fd >= 0 ? node.fd : this.#reopen(node)
  }

  /** Gives the node its descriptor, to be closed with it. */
  give(node: Node, fd: number): void {
    if (node.fd >= 0) this.#vfs.vfsClose(fd)
    else {
      node.fd = fd
      this.#held++
    }
    node.usedAt = this.#turn
  }

  drop(node: Node): void {
    if (node.fd < 0) return
    this.#vfs.vfsClose(node.fd)
    node.fd = -1
    this.#held--
  }

  /** Opens with `open`, once more after closing idle descriptors when they have run out. */
  withRoom(open: () => number): number {
    const fd = open()
    if (fd !== -errno.EMFILE && fd !== -errno.ENFILE) return fd
    return this.makeRoom() ? open() : fd
  }

  /** Closes idle descriptors because the process has no more of them; false when there was none to close. */
  makeRoom(): boolean {
    return this.#closeIdle(Math.max(8, Math.ceil(this.#held / 4))) > 0
  }

  /** Prepares the device for opening by file handle, when this process may do that; `dir` is a directory of it. */
  useHandles(device: Device, dir: number): void {
    const fd = this.#vfs.vfsReopen(dir, constants.O_RDONLY | constants.O_DIRECTORY)
    if (fd < 0) return
    const length = this.#vfs.vfsGetHandle(dir, this.#scratch)
    const twin = length > 0 ? this.#vfs.vfsOpenHandle(fd, this.#scratch.subarray(0, length)) : -1
    if (twin >= 0) {
      this.#vfs.vfsClose(twin)
      device.handleFd = fd
    } else this.#vfs.vfsClose(fd)
  }

  /** Opens the nearest ancestor that has a descriptor first, then downwards. */
  #reopen(node: Node): number {
    const chain: Node[] = []
    for (let at: Node | null = node; at !== null && at.fd < 0; at = at.handle === null ? at.parent : null) {
      chain.push(at)
    }
    for (let i = chain.length - 1; i >= 0; i--) {
      const fd = this.#openOne(chain[i]!)
      if (fd < 0) return fd
    }
    return node.fd
  }

  #openOne(node: Node): number {
    const { handle, device, parent } = node
    let fd = -errno.ESTALE
    if (handle !== null) fd = this.withRoom(() => this.#vfs.vfsOpenHandle(device.handleFd, handle))
    else if (parent !== null && parent.fd >= 0) fd = this.#openByName(node, parent)
    if (fd < 0) return fd === -errno.ENOENT ? -errno.ESTALE : fd
    this.give(node, fd)
    return fd
  }

  #openByName(node: Node, parent: Node): number {
    const io = this.#io
    const flags = io[IO.flags]!
    parent.usedAt = this.#turn
    io[IO.flags] = flags | IO_FLAG.AS_SERVER
    const fd = this.withRoom(() => this.#vfs.vfsOpenNode(io, parent.fd, node.name))
    io[IO.flags] = flags
    if (fd >= 0 && !this.#isStill(node)) {
      this.#vfs.vfsClose(fd)
      return -errno.ESTALE
    }
    return fd
  }

  /** Whether the block describes the node's inode. */
  #isStill(node: Node): boolean {
    const io = this.#io
    const { device, ino } = node
    if (io[IO.devMajor] !== device.major || io[IO.devMinor] !== device.minor) return false
    return io[IO.inoLow] === ino.low && io[IO.inoHigh] === ino.high && this.#nodes.isSame(node, io)
  }

  /** Closes up to `wanted` descriptors, the longest unused first (second chance); how many it were. */
  #closeIdle(wanted: number): number {
    // To find out whether a node can return may need a descriptor itself.
    if (this.#closing) return 0
    this.#closing = true
    try {
      return this.#sweep(wanted)
    } finally {
      this.#closing = false
    }
  }

  #sweep(wanted: number): number {
    const limit = this.#nodes.limit
    let closed = 0
    for (let steps = 2 * limit; steps > 0 && closed < wanted; steps--) {
      if (this.#hand >= limit) {
        this.#hand = 2
        this.#idleTurn = this.#turn - 1
      }
      const node = this.#nodes.at(this.#hand++)
      if (node !== undefined && node.usedAt <= this.#idleTurn && this.#close(node)) closed++
    }
    return closed
  }

  /** Closes the node's descriptor if it can be had again later. */
  #close(node: Node): boolean {
    if (node.fd < 0 || node.opens > 0 || node.usedAt >= this.#turn) return false
    if (!this.#canReturn(node)) return false
    this.drop(node)
    return true
  }

  #canReturn(node: Node): boolean {
    const io = this.#io
    const { device, parent } = node
    const flags = io[IO.flags]!
    // An inode without a name lives by this descriptor alone.
    if (this.#vfs.vfsStat(io, node.fd, this.#words, 0) !== 0 || io[IO.nlink] === 0) return false
    if (device.handleFd >= 0 && this.#takeHandle(node)) return true
    const dirFd = parent === null ? -1 : this.of(parent)
    if (dirFd < 0) return false
    io[IO.flags] = flags | IO_FLAG.AS_SERVER
    const error = this.#vfs.vfsStatName(io, dirFd, node.name, this.#words, 0)
    io[IO.flags] = flags
    return error === 0 && this.#isStill(node)
  }

  #takeHandle(node: Node): boolean {
    if (node.handle !== null) return true
    const length = this.#vfs.vfsGetHandle(node.fd, this.#scratch)
    if (length <= 0) return false
    node.handle = this.#scratch.slice(0, length)
    return true
  }
}
