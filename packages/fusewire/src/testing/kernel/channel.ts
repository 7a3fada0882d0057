import { RequestWriter } from '../../abi/encode.js'
import { errno, errnoName } from '../../abi/errno.js'
import { Op, opcodeRow } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { replyBodyMax, replyBodyMin } from '../../abi/reply.js'
import type { KernelSide } from '../../transport/memory.js'
import { Memory, OUT_HEADER_BYTES } from '../../transport/slot.js'
import type { Caller } from './caller.js'
import { errorOf } from './errors.js'
import type { Random } from './random.js'

/** What one request is made of. Names are bytes, one character each. */
export interface RequestSpec {
  opcode: number
  node: number
  fill?: (words: Uint32Array, op: number) => void
  names?: readonly string[]
  payload?: Uint8Array
  caller?: Caller | null
  /** Bytes of the in-struct where they depend on what was agreed. */
  inSize?: number
  signal?: AbortSignal | undefined
}

/** The body of a reply, in memory of its own. */
export interface Reply {
  readonly words: Uint32Array
  readonly bytes: Buffer
  /** First word of the body. */
  readonly body: number
  /** Bytes of the body. */
  readonly length: number
}

/** A reply or notification that a real kernel would have refused, or a promise that the filesystem broke. */
export interface Violation {
  readonly operation: string
  readonly node: number
  readonly text: string
}

interface Pending {
  readonly spec: RequestSpec
  readonly unique: number
  readonly bytes: Buffer
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: Error) => void
  delivered: boolean
  resent: boolean
  interrupted: boolean
  done: boolean
}

const TWO_32 = 0x1_0000_0000
/** In the high word of `unique`: this request was sent before (`FUSE_UNIQUE_RESEND`, bit 63). */
const RESENT = 0x8000_0000
/** Errors from -512 on are the kernel's own (`ERESTARTSYS`) and refused. */
const ERROR_LIMIT = -512

export interface ChannelOptions {
  /** Event-loop turns that each request and each reply may be held back. */
  readonly delays: number
  readonly random: Random
}

/**
 * The kernel's half of the device: numbers requests, keeps those without answer, refuses what `fuse_dev_do_write`
 * refuses, holds messages back and so reorders the replies.
 */
export class Channel implements KernelSide {
  readonly violations: Violation[] = []
  /** Requests sent so far, by opcode name. */
  readonly sent = new Map<string, number>()
  /** What is made of a notification; set by the kernel. */
  onNotification: (bytes: Buffer) => number | Promise<number> = () => -errno.EINVAL
  onClosed: () => void = () => {}
  /** Hands a request to the session; set when the transport exists. */
  deliver: (request: Uint8Array) => number = () => -errno.ENODEV
  readonly #options: ChannelOptions
  readonly #pending = new Map<number, Pending>()
  /** Requests that the session has not got yet. */
  readonly #queue: Pending[] = []
  #unique = 0
  #noInterrupt = false
  #ended: number | null = null

  constructor(options: ChannelOptions) {
    this.#options = options
  }

  /** Requests without an answer so far. */
  get waiting(): number {
    return this.#pending.size
  }

  violation(operation: string, node: number, text: string): void {
    this.violations.push({ operation, node, text })
  }

  /** Sends a request; resolves with the good reply's body, rejects with the errno of the other kind. */
  call(spec: RequestSpec): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) {
        reject(errorOf(-errno.ENOTCONN))
        return
      }
      this.#unique += 2
      const unique = this.#unique
      const bytes = this.#encode(spec, unique)
      const pending: Pending = {
        spec,
        unique,
        bytes,
        resolve,
        reject,
        delivered: false,
        resent: false,
        interrupted: false,
        done: false,
      }
      this.#pending.set(unique, pending)
      this.#watchSignal(pending)
      this.#queue.push(pending)
      this.#later(() => this.#handUpTo(pending))
    })
  }

  /** Sends a request that has no reply (FORGET, BATCH_FORGET, NOTIFY_REPLY). */
  post(spec: RequestSpec, unique?: number): void {
    if (this.#ended !== null) return
    this.#unique += 2
    this.#toSession(this.#encode(spec, unique ?? this.#unique))
  }

  reply(bytes: Uint8Array): number {
    const memory = new Memory(Math.max(bytes.length, 512))
    memory.bytes.set(bytes)
    const { words } = memory
    if (bytes.length < OUT_HEADER_BYTES || words[0] !== bytes.length) {
      return this.#refuse(null, `the header says ${words[0]} bytes, sent were ${bytes.length}`)
    }
    const error = words[1]! | 0
    const high = words[3]!
    const unique = words[2]! + (high & ~RESENT) * TWO_32
    if (error > 0 || error <= ERROR_LIMIT) return this.#refuse(null, `error ${error} is no negative errno`)
    if ((unique & 1) === 1) return this.#interruptReply(unique, error, bytes.length)
    const pending = this.#pending.get(unique)
    if (pending === undefined || pending.resent !== ((high & RESENT) !== 0)) return -errno.ENOENT
    return this.#take(pending, memory, bytes.length - OUT_HEADER_BYTES, error)
  }

  notification(bytes: Uint8Array): number | Promise<number> {
    return this.onNotification(Buffer.from(bytes))
  }

  closed(): void {
    this.onClosed()
  }

  /** Sends everything unanswered once more, marked as such (NOTIFY_RESEND). */
  resend(): void {
    for (const pending of this.#pending.values()) {
      if (!pending.delivered) continue
      pending.resent = true
      abi.setInHeader_unique(wordsOf(pending.bytes), 0, pending.unique >>> 0, this.#high(pending))
      this.#later(() => {
        if (!pending.done) this.#toSession(pending.bytes)
      })
    }
  }

  /** The connection is over: whoever waits gets `error`, later calls ENOTCONN. */
  end(error: number): void {
    if (this.#ended !== null) return
    this.#ended = error
    for (const pending of [...this.#pending.values()])
      this.#settle(pending, () => pending.reject(errorOf(error)))
  }

  #high(pending: Pending): number {
    return (Math.floor(pending.unique / TWO_32) | (pending.resent ? RESENT : 0)) >>> 0
  }

  #encode(spec: RequestSpec, unique: number): Buffer {
    const names = (spec.names ?? []).reduce((sum, name) => sum + name.length + 1, 0)
    const memory = new Memory(512 + names + (spec.payload?.length ?? 0))
    const writer = new RequestWriter()
    writer.reset(memory.words, memory.bytes, 0)
    const op = writer.begin(spec.opcode, unique >>> 0, Math.floor(unique / TWO_32), spec.node, spec.inSize)
    if (spec.caller) writer.caller(spec.caller.uid, spec.caller.gid, spec.caller.pid)
    spec.fill?.(memory.words, op)
    for (const name of spec.names ?? []) writer.name(name, 'latin1')
    if (spec.payload !== undefined) writer.payload(spec.payload)
    const name = opcodeRow(spec.opcode)!.name
    this.sent.set(name, (this.sent.get(name) ?? 0) + 1)
    return memory.bytes.subarray(0, writer.end())
  }

  #toSession(bytes: Buffer): void {
    const error = this.deliver(bytes)
    if (error === -errno.EINVAL)
      throw new Error(`a request of ${bytes.length} bytes is larger than the buffer`)
  }

  /** Requests may come late, but in the order in which they were sent: the device has one queue. */
  #handUpTo(last: Pending): void {
    if (last.delivered || last.done) return
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#hand(next)
      if (next === last) return
    }
  }

  #hand(pending: Pending): void {
    if (pending.done) return
    pending.delivered = true
    this.#toSession(pending.bytes)
    if (pending.interrupted) this.#interrupt(pending)
  }

  #watchSignal(pending: Pending): void {
    const { signal } = pending.spec
    if (signal === undefined) return
    const interrupt = (): void => {
      pending.interrupted = true
      if (pending.delivered) this.#interrupt(pending)
    }
    if (signal.aborted) interrupt()
    else signal.addEventListener('abort', interrupt, { once: true })
  }

  #interrupt(pending: Pending): void {
    if (pending.done || this.#noInterrupt) return
    const { unique } = pending
    this.post(
      {
        opcode: Op.INTERRUPT,
        node: 0,
        fill: (u, op) => abi.setInterruptIn_unique(u, op, unique >>> 0, this.#high(pending)),
      },
      unique + 1,
    )
  }

  /** A reply to an INTERRUPT: EAGAIN asks for it again, ENOSYS for no more of them. */
  #interruptReply(unique: number, error: number, length: number): number {
    if (length !== OUT_HEADER_BYTES) return this.#refuse(null, 'a reply to INTERRUPT has a body')
    const pending = this.#pending.get(unique - 1)
    if (pending === undefined) return -errno.ENOENT
    if (error === -errno.ENOSYS) this.#noInterrupt = true
    if (error === -errno.EAGAIN) setImmediate(() => this.#interrupt(pending))
    return 0
  }

  #take(pending: Pending, memory: Memory, length: number, error: number): number {
    const row = opcodeRow(pending.spec.opcode)!
    const asked = wordsOf(pending.bytes)
    const op = abi.IN_HEADER_WORDS
    let bad: string | null = null
    if (error !== 0 && length > 0) bad = `${length} bytes of body come with the error ${errnoName(error)}`
    else if (
      error === 0 &&
      (length < replyBodyMin(row, asked, op) || length > replyBodyMax(row, asked, op))
    ) {
      bad = `the body has ${length} bytes, it must have ${replyBodyMin(row, asked, op)} to ${replyBodyMax(row, asked, op)}`
    }
    const { words, bytes } = memory
    this.#pending.delete(pending.unique)
    this.#later(() =>
      this.#settle(pending, () => {
        if (bad !== null) pending.reject(errorOf(-errno.EIO))
        else if (error !== 0) pending.reject(errorOf(error))
        else pending.resolve({ words, bytes, body: OUT_HEADER_BYTES / 4, length })
      }),
    )
    return bad === null ? 0 : this.#refuse(pending, bad)
  }

  #settle(pending: Pending, how: () => void): void {
    if (pending.done) return
    pending.done = true
    this.#pending.delete(pending.unique)
    how()
  }

  #refuse(pending: Pending | null, text: string): number {
    const name = pending === null ? 'reply' : opcodeRow(pending.spec.opcode)!.name
    this.violation(name, pending?.spec.node ?? 0, text)
    return -errno.EINVAL
  }

  /** Runs `what` now, or a random number of event-loop turns later. */
  #later(what: () => void): void {
    let turns = this.#options.delays === 0 ? 0 : this.#options.random.below(this.#options.delays + 1)
    const step = (): void => {
      if (turns-- <= 0) what()
      else setImmediate(step)
    }
    step()
  }
}

function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
}
