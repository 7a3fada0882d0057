import { errno } from '../abi/errno.js'
import { eachForget } from '../abi/forget.js'
import { checkRequest } from '../abi/frame.js'
import { Op, opcodeRow } from '../abi/gen/opcodes.js'
import * as abi from '../abi/gen/structs.js'
import { NameCache, type NameEncoding } from '../abi/names.js'
import type { Negotiated } from '../api/connection.js'
import { ERRNO_MAX } from '../api/errors.js'
import type { FileSystem } from '../api/filesystem.js'
import { OUT_HEADER_BYTES } from '../transport/slot.js'
import type { Sink, Transport } from '../transport/transport.js'
import { Call, type CallHost } from './call.js'
import type { Deferred } from './deferred.js'
import { type DispatchRow, dispatchTable, OPCODE_LIMIT } from './dispatch.js'
import { Failures } from './fail.js'
import { takeComplaint } from './finish.js'
import type { Fs } from './handlers/row.js'
import { Handshake } from './handshake.js'
import { Notifier } from './notify.js'
import { type SessionOptions, type SessionSettings, sessionSettings } from './options.js'
import { Counters, type MountStats } from './stats.js'
import { Trace } from './trace.js'
import { isThenable, Waiting } from './waiting.js'

/**
 * One mount's life: takes each request from the transport, finds its row, calls the filesystem and sends the answer.
 * A request that is answered at once stays in the transport's shared memory and makes no garbage; one that waits is
 * handed to {@link Waiting}.
 */
export class Session implements Sink<Call>, CallHost {
  readonly fs: FileSystem
  readonly settings: SessionSettings
  readonly failures: Failures
  readonly counters = new Counters()
  readonly notify: Notifier
  /** Resolves when INIT was answered, rejects when the mount ended before. */
  readonly ready: Promise<Negotiated>
  /** Resolves when no request will come any more and the filesystem has been told. */
  readonly closed: Promise<void>
  readonly #table: (DispatchRow | undefined)[]
  readonly #names: NameCache
  readonly #waiting: Waiting
  readonly #handshake: Handshake
  readonly #trace: Trace | null
  #transport: Transport<Call> | null = null
  #resolveClosed: () => void = () => {}
  #setxattrExt = false
  #ended = false

  constructor(fs: FileSystem, options: SessionOptions = {}) {
    this.fs = fs
    this.settings = sessionSettings(options)
    this.failures = new Failures(this.settings.log)
    this.#table = dispatchTable(fs)
    this.#names = new NameCache(fs.nameEncoding)
    const { debug, record } = this.settings
    this.#trace = debug === null && record === null ? null : new Trace(debug, record)
    this.notify = new Notifier((message) => this.transport.notify(message), fs.nameEncoding)
    this.#handshake = new Handshake(fs, this.settings, this.notify)
    this.ready = this.#handshake.done
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#waiting = new Waiting(this, this.settings)
  }

  get entryTimeout(): number {
    return this.settings.entryTimeout
  }
  get attrTimeout(): number {
    return this.settings.attrTimeout
  }
  get nameEncoding(): NameEncoding {
    return this.fs.nameEncoding
  }
  get hasEnded(): boolean {
    return this.#ended
  }
  get transport(): Transport<Call> {
    if (this.#transport === null) throw new Error('the session has not been started')
    return this.#transport
  }

  /** Makes the transport's slots. */
  newCall(): Call {
    return new Call(this)
  }

  start(transport: Transport<Call>): void {
    this.#transport = transport
    transport.start(this)
  }

  /**
   * Ends the connection from our side. Whoever waits is answered first: a notification may sit in the kernel on a lock
   * that one of them holds, and would keep the connection alive beyond the descriptor.
   */
  close(): void {
    if (!this.#ended) this.#waiting.abort(-errno.ECONNABORTED)
    this.#transport?.close()
  }

  receive(call: Call): number {
    call.begin()
    const bad = checkRequest(call.words, call.bytes, call.header, call.length, this.#setxattrExt, call.frame)
    const opcode = call.length >= abi.IN_HEADER_SIZE ? call.opcode : 0
    this.counters.request(opcode, call.length)
    if (this.#trace !== null) this.#trace.request(call)
    if (bad !== 0) return this.#refuse(call, opcode, bad)
    const row = opcode < OPCODE_LIMIT ? this.#table[opcode] : undefined
    if (row === undefined) return this.#own(call, opcode)
    if (this.settings.onlyUser !== null && this.#isStranger(call)) return this.error(call, -errno.EACCES)
    if (row.opcode.names > 0 && !this.#decodeNames(call, row)) return this.error(call, -errno.EILSEQ)
    if (this.#handshake.agreed === null) return this.error(call, -errno.EIO)
    if (!this.#waiting.hasRoom && opcode !== Op.SETLKW) {
      this.#waiting.enqueue(call, row)
      return 0
    }
    return this.run(call, row)
  }

  /** Calls the filesystem. Returns the bytes to send now, 0 when the call waits. */
  run(call: Call, row: DispatchRow): number {
    let result: unknown
    call.onStack = true
    try {
      result = row.run(call, this.fs as Fs)
    } catch (thrown) {
      result = this.failures.errno(row.opcode.name, thrown)
    }
    call.onStack = false
    const early = call.deferred?.early ?? null
    if (early !== null && isThenable(result)) return this.#waiting.wait(call, row, result)
    if (typeof result !== 'number') {
      return early === null ? this.#waiting.wait(call, row, result) : this.answer(call, row, early)
    }
    if (early !== null) this.failures.late(row.opcode.name, 'was answered by send() and by its return value')
    return this.answer(call, row, early ?? result)
  }

  /**
   * Builds the reply for what the handler gave. Returns the bytes of reply memory to send, 0 when they are sent
   * already together with memory of the filesystem.
   */
  answer(call: Call, row: DispatchRow, result: number): number {
    call.answered = true
    let length = result
    if (result >= 0) {
      length = Number.isSafeInteger(result) ? row.finish(call, result) : this.#notANumber(call, row, result)
      if (length < 0) length = this.#noAnswer(call, row, length)
    } else if (!(result >= -ERRNO_MAX)) length = this.#notANumber(call, row, result)
    if (length < 0) return this.error(call, length)
    const total = OUT_HEADER_BYTES + length
    call.putHeader(total, 0)
    this.counters.reply(row.opcode.number, 0, total)
    if (this.#trace !== null) this.#trace.reply(call)
    const { body } = call.data
    if (row.opcode.payloadOut && body !== null) return this.#sendBody(call, body, length)
    return total
  }

  error(call: Call, error: number): number {
    call.answered = true
    call.putHeader(OUT_HEADER_BYTES, error)
    this.counters.reply(call.opcode, error, OUT_HEADER_BYTES)
    if (this.#trace !== null) this.#trace.reply(call)
    return OUT_HEADER_BYTES
  }

  /** The kernel did not take the last reply of this call: whatever it gave is taken back. */
  replyFailed(call: Call, error: number): void {
    const row = this.#table[call.opcode]
    if (row === undefined) return
    if (call.replyWords[1] === 0) this.undo(call, row)
    // ENOENT is normal life: the caller was killed, or the mount is gone.
    if (error !== -errno.ENOENT)
      this.failures.protocol(row.opcode.name, 'the kernel refused the reply', error)
  }

  undo(call: Call, row: DispatchRow): void {
    try {
      row.undo?.(call, this.fs)
    } catch (thrown) {
      this.failures.errno(row.opcode.name, thrown)
    }
  }

  signalOf(call: Call): AbortSignal {
    return this.#waiting.signalOf(call)
  }
  deferredOf(call: Call): Deferred {
    return this.#waiting.deferredOf(call)
  }

  /** The transport delivers nothing any more: every waiting handler is told, then the filesystem. */
  ended(error: number): void {
    if (this.#ended) return
    this.#ended = true
    this.#handshake.end(error)
    this.#waiting.end()
    this.notify.end()
    this.#destroy()
  }

  async #destroy(): Promise<void> {
    try {
      await this.fs.destroy?.()
    } catch (thrown) {
      this.failures.errno('destroy', thrown)
    }
    this.#resolveClosed()
  }

  /** Requests about the connection itself, and those that the filesystem does not know. */
  #own(call: Call, opcode: number): number {
    switch (opcode) {
      case Op.FORGET:
      case Op.BATCH_FORGET:
        eachForget(call.words, call.frame, this.#forget)
        return 0
      case Op.INTERRUPT:
        this.counters.interrupts++
        this.#waiting.interrupt(call)
        return 0
      case Op.NOTIFY_REPLY:
        this.notify.retrieved(abi.inHeader_unique_lo(call.words, call.header), call.payload().slice())
        return 0
      case Op.INIT:
        return this.#init(call)
      case Op.DESTROY:
        return this.#empty(call)
      default:
        // What nobody would miss succeeds quietly: ENOSYS here would only reach close(2) and closedir(3).
        return opcode === Op.RELEASE || opcode === Op.RELEASEDIR
          ? this.#empty(call)
          : this.error(call, -errno.ENOSYS)
    }
  }

  #init(call: Call): number {
    const length = this.#handshake.answer(call)
    if (length < 0) return this.error(call, length)
    this.#setxattrExt = this.#handshake.agreed?.features.has('SETXATTR_EXT') ?? false
    call.putHeader(OUT_HEADER_BYTES + length, 0)
    this.counters.reply(Op.INIT, 0, OUT_HEADER_BYTES + length)
    if (this.#trace !== null) this.#trace.reply(call)
    return OUT_HEADER_BYTES + length
  }

  #empty(call: Call): number {
    call.putHeader(OUT_HEADER_BYTES, 0)
    this.counters.reply(call.opcode, 0, OUT_HEADER_BYTES)
    if (this.#trace !== null) this.#trace.reply(call)
    return OUT_HEADER_BYTES
  }

  readonly #forget = (node: number, count: number): void => {
    try {
      this.fs.forget?.(node, count)
    } catch (thrown) {
      this.failures.errno('FORGET', thrown)
    }
  }

  /** Requests without a caller (RELEASE, write-back) have uid 0, which root has too. */
  #isStranger(call: Call): boolean {
    const { uid } = call.request
    return uid !== 0 && uid !== this.settings.onlyUser
  }

  #decodeNames(call: Call, row: DispatchRow): boolean {
    const { frame, bytes } = call
    const first = this.#names.decode(bytes, frame.name1, frame.name1Length)
    if (first === null) return false
    call.name1 = first
    if (row.opcode.names < 2) return true
    const second = this.#names.decode(bytes, frame.name2, frame.name2Length)
    call.name2 = second ?? ''
    return second !== null
  }

  /** A frame that is not one, an unknown opcode, or a number that we cannot hold. */
  #refuse(call: Call, opcode: number, error: number): number {
    const row = opcodeRow(opcode)
    if (call.length < abi.IN_HEADER_SIZE || error === -errno.EPROTO) {
      this.failures.protocol(
        row?.name ?? `opcode ${opcode}`,
        `the request of ${call.length} bytes is malformed`,
        error,
      )
    }
    if (call.length < abi.IN_HEADER_SIZE || row?.reply === false) return 0
    return this.error(call, error === -errno.EPROTO ? -errno.EIO : error)
  }

  #notANumber(call: Call, row: DispatchRow, result: number): number {
    return this.failures.badReply(
      row.opcode.name,
      call.node,
      `returned ${result}, which is neither a count nor an errno`,
    )
  }

  /** `finish` refused what the handler gave; ERANGE and the like carry no complaint. */
  #noAnswer(call: Call, row: DispatchRow, error: number): number {
    const complaint = takeComplaint()
    this.undo(call, row)
    return complaint === null ? error : this.failures.badReply(row.opcode.name, call.node, complaint)
  }

  #sendBody(call: Call, body: Uint8Array, length: number): number {
    const { bodyStart, length: given, headroom } = call.data
    const head = OUT_HEADER_BYTES + headroom
    // GETXATTR answers a size in place of the value; then nothing of the value is sent.
    if (length !== headroom + given) return OUT_HEADER_BYTES + length
    const error = this.transport.sendWithBody(call, head, body, bodyStart, bodyStart + given)
    if (error < 0) this.replyFailed(call, error)
    return 0
  }

  stats(): MountStats {
    const { unknownErrors, badReplies, lateReplies } = this.failures
    return {
      ...this.counters.operations(),
      inFlight: this.#waiting.size,
      queued: this.#waiting.queued,
      interrupts: this.counters.interrupts,
      lateReplies,
      badReplies,
      unknownErrors,
    }
  }
}
