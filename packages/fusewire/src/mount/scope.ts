// Descriptors that must be closed whatever happens: opened one by one, closed in reverse.
import { errno } from '../abi/errno.js'
import type { MountCalls } from '../native/mount.js'
import type { Deadline } from './deadline.js'
import { StepError } from './errors.js'

/** The descriptors of one attempt to mount. One that comes after its deadline is closed when it comes. */
export class FdScope {
  readonly #calls: MountCalls
  readonly #fds: number[] = []

  constructor(calls: MountCalls) {
    this.#calls = calls
  }

  /** Waits for a call that gives a descriptor; it belongs to the scope from then on. */
  async open(step: string, deadline: Deadline, call: Promise<number>): Promise<number> {
    const fd = await deadline.number(step, call, (late) => {
      if (late >= 0) void this.#calls.close(late)
    })
    this.#fds.push(fd)
    return fd
  }

  /** Takes over a descriptor that is open already. */
  own(fd: number): number {
    this.#fds.push(fd)
    return fd
  }

  /** Hands a descriptor out of the scope: its new owner closes it. */
  release(fd: number): number {
    const at = this.#fds.lastIndexOf(fd)
    if (at < 0) throw new StepError('release', errno.EBADF)
    this.#fds.splice(at, 1)
    return fd
  }

  /** Closes one descriptor now. */
  close(fd: number): Promise<number> {
    return this.#calls.close(this.release(fd))
  }

  /** Closes what is left, the last opened first; a close that sleeps holds nobody up. */
  async closeAll(deadline: Deadline): Promise<void> {
    for (const fd of this.#fds.splice(0).reverse()) {
      await deadline.wait('close', this.#calls.close(fd)).catch(() => {})
    }
  }
}
