import { constants } from 'node:fs'
import { LOCK_TYPE } from '../../api/constants.js'
import { errno } from '../../api/errors.js'
import type { Lock, LockOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { IO } from '../../native/vfs.js'
import { closesCircle, type Wish } from '../common/lock-circle.js'
import type { LockRecord } from '../common/lock-list.js'
import { DirectoryOperations } from './directories.js'
import type { Handle } from './handles.js'
import type { Node } from './node.js'
import { NodeLocks } from './node-locks.js'

const EAGAIN = -errno.EAGAIN
const O_ACCMODE = 3
const OFFSET_MAX_HIGH = 0x7fff_ffff
const TWO_32 = 0x1_0000_0000

/**
 * Locks are taken on the backing files, so that they hold against programs outside of the mount too: BSD locks on the
 * open file itself, POSIX locks as open file description locks, one description for each owner and file. A wait is
 * a repeated attempt: at once when a lock of the mount goes, by the clock for locks from outside. No thread waits, so
 * any number of processes can.
 */
export abstract class LockOperations extends DirectoryOperations {
  readonly #locks = new Map<Node, NodeLocks>()

  override setlk(
    req: Request,
    _id: number,
    handle: number,
    lock: Lock,
    wait: boolean,
    flock: boolean,
  ): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return -errno.EBADF
    const wanted = recordOf(req, handle, lock)
    const key = req.lockOwner
    const attempt = flock ? () => this.#setBsd(file, wanted.type) : () => this.#setPosix(file, key, wanted)
    const result = attempt()
    if (result === 0 && wanted.type !== LOCK_TYPE.WRLCK) this.#wake(file.node)
    if (result !== EAGAIN || !wait) return result
    const locks = this.#of(file.node)
    if (!flock && closesCircle(this.#wishes(), locks.posix, wanted)) return -errno.EDEADLK
    const { signal } = req
    const reply = req.defer()
    locks.wait(wanted, flock, attempt, reply, signal)
    return reply
  }

  #setBsd(file: Handle, type: number): number {
    return file.released ? -errno.EBADF : this.vfs.vfsFlock(file.fd, type)
  }

  #setPosix(file: Handle, key: string, wanted: LockRecord): number {
    const locks = this.#of(file.node)
    let fd = locks.owners.get(key)
    if (fd === undefined) {
      if (wanted.type === LOCK_TYPE.UNLCK) return 0
      fd = this.#describe(file)
      if (fd < 0) return fd
      locks.owners.set(key, fd)
    }
    this.#putRange(wanted)
    const result = this.vfs.vfsSetLock(this.io, fd)
    if (result === 0) locks.posix.apply(wanted)
    if (![...locks.posix].some((held) => keyOf(held) === key)) this.#end(locks, key, fd)
    return result === -errno.EACCES ? EAGAIN : result
  }

  /** A description of its own for an owner: for reading and writing if the file allows, as locks of both kinds may come. */
  #describe(file: Handle): number {
    const fd = this.vfs.vfsReopen(file.fd, constants.O_RDWR)
    if (fd >= 0) return fd
    return this.descriptors.withRoom(() => this.vfs.vfsReopen(file.fd, file.flags & O_ACCMODE))
  }

  #putRange(range: LockRecord): void {
    const io = this.io
    io[IO.lockStartLow] = range.start >>> 0
    io[IO.lockStartHigh] = Math.floor(range.start / TWO_32)
    io[IO.lockEndLow] = range.end === Infinity ? 0xffff_ffff : range.end >>> 0
    io[IO.lockEndHigh] = range.end === Infinity ? OFFSET_MAX_HIGH : Math.floor(range.end / TWO_32)
    io[IO.lockType] = range.type
  }

  override getlk(req: Request, _id: number, handle: number, lock: Lock, out: LockOut): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return -errno.EBADF
    const wanted = recordOf(req, handle, lock)
    const locks = this.#locks.get(file.node)
    // A lock of the mount is told with its process, which the backing file does not know.
    const inside = locks?.posix.conflict(wanted) ?? null
    if (inside !== null) {
      out.set(inside)
      return 0
    }
    this.#putRange(wanted)
    const error = this.vfs.vfsGetLock(this.io, locks?.owners.get(req.lockOwner) ?? file.fd)
    if (error < 0) return error
    out.set(this.#foundLock(wanted))
    return 0
  }

  /** The lock that the block describes. */
  #foundLock(wanted: Lock): Lock {
    const { io } = this
    const type = io[IO.lockType]!
    if (type === LOCK_TYPE.UNLCK) return { start: wanted.start, end: wanted.end, type, pid: 0 }
    const high = io[IO.lockEndHigh]!
    return {
      start: io[IO.lockStartLow]! + io[IO.lockStartHigh]! * TWO_32,
      end: high === OFFSET_MAX_HIGH ? Infinity : io[IO.lockEndLow]! + high * TWO_32,
      type,
      pid: io[IO.lockPid]!,
    }
  }

  *#wishes(): Generator<Wish> {
    for (const locks of this.#locks.values()) yield* locks.waiting
  }

  protected unlockOwner(req: Request, node: Node): void {
    const locks = this.#locks.get(node)
    if (locks === undefined || !req.hasLockOwner) return
    const key = req.lockOwner
    const fd = locks.owners.get(key)
    if (fd === undefined) return
    locks.posix.drop((held) => keyOf(held) === key)
    this.#end(locks, key, fd)
    this.#wake(node)
  }

  /**
   * The kernel unlocks for processes when they close a file (flush); what is left of a handle at its release are open file
   * description locks, for which it sends nothing.
   */
  protected fileReleased(node: Node, handle: number): void {
    const locks = this.#locks.get(node)
    if (locks === undefined) return
    const keys = new Set([...locks.posix].filter((held) => held.handle === handle).map(keyOf))
    locks.posix.drop((held) => keys.has(keyOf(held)))
    for (const key of keys) {
      const fd = locks.owners.get(key)
      if (fd !== undefined) this.#end(locks, key, fd)
    }
    this.#wake(node)
  }

  /** Closing the description drops all its locks. */
  #end(locks: NodeLocks, key: string, fd: number): void {
    locks.owners.delete(key)
    this.vfs.vfsClose(fd)
  }

  #of(node: Node): NodeLocks {
    let locks = this.#locks.get(node)
    if (locks === undefined) {
      locks = new NodeLocks()
      this.#locks.set(node, locks)
    }
    return locks
  }

  #wake(node: Node): void {
    const locks = this.#locks.get(node)
    if (locks === undefined) return
    locks.wake()
    if (locks.isEmpty) this.#locks.delete(node)
  }

  override destroy(): void {
    for (const locks of this.#locks.values()) locks.close((fd) => this.vfs.vfsClose(fd))
    this.#locks.clear()
    super.destroy()
  }
}

function recordOf(req: Request, handle: number, lock: Lock): LockRecord {
  const { start, end, type, pid } = lock
  return { start, end, type, pid, ownerLow: req.lockOwnerLow, ownerHigh: req.lockOwnerHigh, handle }
}

/** As `Request.lockOwner` spells it. */
const keyOf = (held: LockRecord): string => `${held.ownerHigh.toString(16)}:${held.ownerLow.toString(16)}`
