import { errno, errnoName } from '../abi/errno.js'
import { errnoOf } from '../api/errors.js'

/** The one place that turns a thrown thing into an errno and decides what the author is told. */
export class Failures {
  readonly #log: (line: string) => void
  /** Errors that named no errno, replies that were no answer, and replies that came too late or twice. */
  unknownErrors = 0
  badReplies = 0
  lateReplies = 0

  constructor(log: (line: string) => void) {
    this.#log = log
  }

  /** The negative errno of what `operation` threw; EIO and a log line with its stack when it says none. */
  errno(operation: string, thrown: unknown): number {
    const known = errnoOf(thrown)
    if (known !== 0) return known
    this.unknownErrors++
    const text = thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown)
    this.#log(`fusewire: ${operation} failed with an error that names no errno, the caller gets EIO: ${text}`)
    return -errno.EIO
  }

  /** What a filesystem gave is not an answer. */
  badReply(operation: string, node: number, why: string): number {
    this.badReplies++
    this.#log(`fusewire: ${operation} of node ${node} ${why}; the caller gets EIO`)
    return -errno.EIO
  }

  late(operation: string, why: string): void {
    this.lateReplies++
    this.#log(`fusewire: ${operation} ${why}; the reply is dropped`)
  }

  /** The kernel refused a frame of ours, or sent one that we cannot read. */
  protocol(operation: string, what: string, error: number): void {
    this.badReplies++
    this.#log(`fusewire: ${operation}: ${what} (${errnoName(-error)})`)
  }
}
