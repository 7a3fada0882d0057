import type { PollHandle } from '../../api/connection.js'
import { POLL } from '../common/constants.js'
import type { Inode } from './inode.js'

/** What a file always is: ready for both. */
const READY = POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM

/** One open file somebody polls for changes. */
interface Watch {
  /** The content's version that the poller knows. */
  version: number
  wake: PollHandle | null
}

/**
 * poll(2) on regular files: always readable and writable. POLLPRI, which other filesystems never raise on a file, says
 * here that the content changed since the open file was first polled or last saw a change, and wakes who waits for it.
 */
export class PollWatch {
  readonly #byNode = new Map<Inode, Map<number, Watch>>()
  readonly #notify: (wake: PollHandle) => void

  constructor(notify: (wake: PollHandle) => void) {
    this.#notify = notify
  }

  poll(node: Inode, handle: number, events: number, wake: PollHandle | undefined): number {
    let ready = events & READY
    if ((events & POLL.PRI) === 0) return ready
    const watch = this.#watchOf(node, handle)
    if (watch.version !== node.version) {
      watch.version = node.version
      ready |= POLL.PRI
    }
    if (wake !== undefined) watch.wake = wake
    return ready
  }

  #watchOf(node: Inode, handle: number): Watch {
    let watches = this.#byNode.get(node)
    if (watches === undefined) {
      watches = new Map()
      this.#byNode.set(node, watches)
    }
    let watch = watches.get(handle)
    if (watch === undefined) {
      watch = { version: node.version, wake: null }
      watches.set(handle, watch)
    }
    return watch
  }

  /** To be called when the content of a node has changed. */
  changed(node: Inode): void {
    if (this.#byNode.size === 0) return
    for (const watch of this.#byNode.get(node)?.values() ?? []) {
      if (watch.wake !== null) this.#notify(watch.wake)
      watch.wake = null
    }
  }

  /** The open file is no more. */
  closed(node: Inode, handle: number): void {
    const watches = this.#byNode.get(node)
    if (watches === undefined) return
    watches.delete(handle)
    if (watches.size === 0) this.#byNode.delete(node)
  }

  clear(): void {
    this.#byNode.clear()
  }
}
