import { errno } from '../../api/errors.js'
import type { Lock, LockOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { IO } from '../../native/vfs.js'
import { DirectoryOperations } from './directories.js'
import type { Handle } from './handles.js'
import { F_RDLCK, F_UNLCK, LockRanges, type Range } from './lock-ranges.js'
import type { Node } from './node.js'
import { NodeLocks, type Owner } from './node-locks.js'

const EAGAIN = -errno.EAGAIN
const O_ACCMODE = 3
const O_RDWR = 2
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
    const range: Range = { start: lock.start, end: lock.end, type: lock.type }
    const owner = flock ? null : req.lockOwner
    const { pid } = lock
    const attempt =
      owner === null ? () => this.#bsd(file, range.type) : () => this.#posix(file, owner, pid, range)
    const result = attempt()
    if (result === 0 && lock.type !== 1) this.#wake(file.node)
    if (result !== EAGAIN || !wait) return result
    if (owner !== null && this.#deadlocks(owner, file.node, range)) return -errno.EDEADLK
    const { signal } = req
    const reply = req.defer()
    this.#of(file.node).wait(owner, range, attempt, reply, signal)
    return reply
  }

  #bsd(file: Handle, type: number): number {
    return file.released ? -errno.EBADF : this.vfs.vfsFlock(file.fd, type)
  }

  #posix(file: Handle, key: string, pid: number, range: Range): number {
    const locks = this.#of(file.node)
    let owner = locks.owners.get(key)
    if (owner === undefined) {
      if (range.type === F_UNLCK) return 0
      const fd = this.#describe(file)
      if (fd < 0) return fd
      owner = { fd, pid, ranges: new LockRanges() }
      locks.owners.set(key, owner)
    }
    this.#putRange(range)
    const result = this.vfs.vfsSetLock(this.io, owner.fd)
    if (result === 0) owner.ranges.set(range)
    if (owner.ranges.empty) this.#end(locks, key, owner)
    return result === -errno.EACCES ? EAGAIN : result
  }

  /** A description of its own for an owner: for reading and writing if the file allows, as locks of both kinds may come. */
  #describe(file: Handle): number {
    const fd = this.vfs.vfsReopen(file.fd, O_RDWR)
    if (fd >= 0) return fd
    return this.descriptors.withRoom(() => this.vfs.vfsReopen(file.fd, file.flags & O_ACCMODE))
  }

  #putRange(range: Range): void {
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
    const key = req.lockOwner
    const range: Range = { start: lock.start, end: lock.end, type: lock.type }
    const locks = this.#locks.get(file.node)
    this.#putRange(range)
    const error = this.vfs.vfsGetLock(this.io, locks?.owners.get(key)?.fd ?? file.fd)
    if (error < 0) return error
    const { io } = this
    const found = {
      start: wordsOf(io, IO.lockStartLow),
      end: wordsOf(io, IO.lockEndLow),
      type: io[IO.lockType]!,
    }
    if (found.type === F_UNLCK) {
      out.set({ ...lock, type: F_UNLCK })
      return 0
    }
    const end = io[IO.lockEndHigh] === OFFSET_MAX_HIGH ? Infinity : found.end
    const pid = io[IO.lockPid]! || this.#pidOf(locks, key, { ...found, end })
    out.set({ start: found.start, end, type: found.type, pid })
    return 0
  }

  /** The process behind a lock of the mount: on the backing file it belongs to no process. */
  #pidOf(locks: NodeLocks | undefined, key: string, found: Range): number {
    const as = found.type === F_RDLCK ? { ...found, type: 1 } : found
    for (const other of locks?.blockers(key, as) ?? []) return locks?.owners.get(other)?.pid ?? 0
    return 0
  }

  /** Whether waiting would close a ring of owners who wait for each other. */
  #deadlocks(owner: string, node: Node, range: Range): boolean {
    const seen = new Set<string>()
    const open: string[] = [...this.#of(node).blockers(owner, range)]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (next === owner) return true
      if (seen.has(next)) continue
      seen.add(next)
      for (const locks of this.#locks.values()) {
        const wish = locks.wishOf(next)
        if (wish !== undefined) open.push(...locks.blockers(next, wish))
      }
    }
    return false
  }

  protected unlockOwner(req: Request, node: Node): void {
    const locks = this.#locks.get(node)
    if (locks === undefined || !req.hasLockOwner) return
    const key = req.lockOwner
    const owner = locks.owners.get(key)
    if (owner === undefined) return
    this.#end(locks, key, owner)
    this.#wake(node)
  }

  protected fileReleased(_req: Request, file: Handle): void {
    this.#wake(file.node)
  }

  /** Closing the description drops all its locks. */
  #end(locks: NodeLocks, key: string, owner: Owner): void {
    locks.owners.delete(key)
    this.vfs.vfsClose(owner.fd)
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
    if (locks.empty) this.#locks.delete(node)
  }

  override destroy(): void {
    for (const locks of this.#locks.values()) locks.close((fd) => this.vfs.vfsClose(fd))
    this.#locks.clear()
    super.destroy()
  }
}

const wordsOf = (io: Uint32Array, at: number): number => io[at]! + io[at + 1]! * TWO_32
