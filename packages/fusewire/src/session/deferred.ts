import type { Reply } from '../api/request.js'
import type { Call } from './call.js'

/** Where a deferred reply goes. */
export interface DeferredHost {
  answerDeferred(call: Call, result: number): void
  errnoFor(call: Call, error: unknown): number
  reportLate(opcode: number, why: string): void
}

/** The right to answer one call later. Keeps the call's serial, as the call serves other requests afterwards. */
export class Deferred implements Reply {
  readonly #host: DeferredHost
  readonly #call: Call
  readonly #serial: number
  readonly #opcode: number
  #sent = false
  /** What was sent while the handler was still on the stack; the session takes it as the handler's result. */
  early: number | null = null

  constructor(host: DeferredHost, call: Call) {
    this.#host = host
    this.#call = call
    this.#serial = call.serial
    this.#opcode = call.opcode
  }

  get answered(): boolean {
    return this.#sent || this.#gone
  }

  get #gone(): boolean {
    return this.#call.serial !== this.#serial || this.#call.answered
  }

  send(result: number): boolean {
    if (this.#sent || this.#gone) {
      this.#host.reportLate(
        this.#opcode,
        this.#sent ? 'was answered a second time' : 'was answered after its end',
      )
      return false
    }
    this.#sent = true
    if (!this.#call.onStack) this.#host.answerDeferred(this.#call, result)
    else this.early = result
    return true
  }

  fail(error: unknown): boolean {
    return this.send(this.answered ? 0 : this.#host.errnoFor(this.#call, error))
  }
}
