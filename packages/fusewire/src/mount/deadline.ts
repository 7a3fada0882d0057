import { errno } from '../abi/errno.js'
import { StepError } from './errors.js'

/** One limit of time for a chain of calls: what the first calls use up is not there for the later ones. */
export class Deadline {
  readonly #end: number

  constructor(ms: number) {
    this.#end = performance.now() + ms
  }

  /** Milliseconds left, at least 1. */
  get left(): number {
    return Math.max(1, Math.ceil(this.#end - performance.now()))
  }

  /**
   * The result of a call on the pool, or a StepError ETIMEDOUT. A call cannot be taken back, so `late` gets a result
   * that comes after the deadline and undoes it.
   */
  async wait<Result>(step: string, call: Promise<Result>, late?: (result: Result) => void): Promise<Result> {
    let timer: NodeJS.Timeout | undefined
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (late) call.then(late, () => {})
        reject(new StepError(step, errno.ETIMEDOUT))
      }, this.left)
    })
    try {
      return await Promise.race([call, expiry])
    } finally {
      clearTimeout(timer)
    }
  }

  /** {@link wait} for a call whose result is a number: a negative errno becomes a StepError. */
  async number(step: string, call: Promise<number>, late?: (result: number) => void): Promise<number> {
    const result = await this.wait(step, call, late)
    if (result < 0) throw new StepError(step, -result)
    return result
  }

  /** {@link wait} for a call with another result than a number: a number is a negative errno. */
  async value<Result>(step: string, call: Promise<Result | number>): Promise<Result> {
    const result = await this.wait(step, call)
    if (typeof result === 'number') throw new StepError(step, -result)
    return result
  }
}
