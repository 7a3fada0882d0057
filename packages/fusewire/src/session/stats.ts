import { OPCODES } from '../abi/gen/opcodes.js'
import { OPCODE_LIMIT } from './dispatch.js'

/** What one operation has cost so far. */
export interface OperationStats {
  readonly count: number
  readonly errors: number
  /** Bytes of requests and replies, headers included. */
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A mount's counters, from `Mount.stats()`. */
export interface MountStats {
  /** By kernel name (`LOOKUP`, `READ` ...); operations that never came are absent. */
  readonly operations: Readonly<Record<string, OperationStats>>
  readonly requests: number
  readonly errors: number
  /** Requests whose handler has not answered. */
  readonly inFlight: number
  /** Requests that wait for a handler's place (`maxInFlight`). */
  readonly queued: number
  readonly interrupts: number
  /** Replies that were dropped because they came twice or too late. */
  readonly lateReplies: number
  /** Replies that were refused because they are no valid answer. */
  readonly badReplies: number
  /** Errors thrown by the filesystem that name no errno. */
  readonly unknownErrors: number
}

/** Counters by opcode in flat arrays: counting costs two additions and no garbage. */
export class Counters {
  readonly #count = new Float64Array(OPCODE_LIMIT)
  readonly #errors = new Float64Array(OPCODE_LIMIT)
  readonly #bytesIn = new Float64Array(OPCODE_LIMIT)
  readonly #bytesOut = new Float64Array(OPCODE_LIMIT)
  interrupts = 0

  request(opcode: number, bytes: number): void {
    if (opcode >= OPCODE_LIMIT) return
    this.#count[opcode]! += 1
    this.#bytesIn[opcode]! += bytes
  }

  reply(opcode: number, error: number, bytes: number): void {
    if (opcode >= OPCODE_LIMIT) return
    this.#bytesOut[opcode]! += bytes
    if (error < 0) this.#errors[opcode]! += 1
  }

  operations(): { operations: Record<string, OperationStats>; requests: number; errors: number } {
    const operations: Record<string, OperationStats> = {}
    let requests = 0
    let errors = 0
    for (const { number, name } of OPCODES) {
      const count = this.#count[number] ?? 0
      if (count === 0) continue
      requests += count
      errors += this.#errors[number]!
      operations[name] = {
        count,
        errors: this.#errors[number]!,
        bytesIn: this.#bytesIn[number]!,
        bytesOut: this.#bytesOut[number]!,
      }
    }
    return { operations, requests, errors }
  }
}
