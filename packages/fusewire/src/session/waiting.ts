import { errno } from '../abi/errno.js'
import { Op, opcodeRow } from '../abi/gen/opcodes.js'
import * as abi from '../abi/gen/structs.js'
import type { Call } from './call.js'
import { Deferred, type DeferredHost } from './deferred.js'
import type { DispatchRow } from './dispatch.js'
import { Inflight } from './inflight.js'
import { type CallerState, callerState } from './interrupt.js'
import type { SessionSettings } from './options.js'
import type { Session } from './session.js'

/** Milliseconds between two looks at a caller that got a harmless signal. */
const WATCH_MS = 500

/**
 * The calls whose handlers wait. Each owns its memory from `wait` until two things have happened: its reply has left
 * (or has become pointless), and its handler's promise has settled, for until then the handler may write to its
 * out-objects. What comes after the reply is counted and dropped, and what it would have given to the kernel (a
 * reference, an open file) is taken back.
 */
export class Waiting implements DeferredHost {
  readonly #session: Session
  readonly #inflight: Inflight
  readonly #graceMs: number
  readonly #rows = new WeakMap<Call, DispatchRow>()

  constructor(session: Session, settings: SessionSettings) {
    this.#session = session
    this.#inflight = new Inflight(settings.maxInFlight)
    this.#graceMs = settings.interruptGrace * 1000
  }

  get hasRoom(): boolean {
    return this.#inflight.hasRoom && this.#inflight.queued === 0
  }
  get size(): number {
    return this.#inflight.size
  }
  get queued(): number {
    return this.#inflight.queued
  }

  /** Keeps a request for later: every handler's place is taken. */
  enqueue(call: Call, row: DispatchRow): void {
    this.#park(call, row)
    call.queued = true
    this.#inflight.enqueue(call, row)
    if (this.#inflight.full) this.#session.transport.pause()
  }

  /** A handler returned a promise or its deferred reply: the call waits. Returns what the transport has to send now. */
  wait(call: Call, row: DispatchRow, result: unknown): number {
    const thenable = isThenable(result)
    if (!thenable && call.deferred === null) {
      return this.#session.answer(call, row, this.#notAnAnswer(call, row, result))
    }
    if (!call.parked) this.#park(call, row)
    // A wait for a lock ends by another request, so it must not take that one's place.
    call.counted = row.opcode.number !== Op.SETLKW
    if (call.counted) this.#inflight.enter()
    if (thenable) {
      call.handlerRuns = true
      result.then(
        (value) => this.#settled(call, row, value),
        (thrown: unknown) => this.#settled(call, row, this.#session.failures.errno(row.opcode.name, thrown)),
      )
    }
    const early = call.deferred?.early ?? null
    if (early !== null) this.#send(call, row, early)
    return 0
  }

  /** FUSE_INTERRUPT: the caller of a request got a signal. */
  interrupt(call: Call): void {
    const high = abi.interruptIn_unique_hi(call.words, call.op) & 0x1f_ffff
    const target = this.#inflight.find(abi.interruptIn_unique_lo(call.words, call.op) + high * 0x1_0000_0000)
    if (target === undefined) return
    this.#interrupted(target, callerState(target.request.pid))
  }

  #interrupted(target: Call, state: CallerState): void {
    if (state === 'harmless') {
      this.#watch(target)
      return
    }
    target.interrupted = true
    target.controller?.abort(interruption())
    if (target.answered) return
    // A dying caller looks at no result, and one whose request was never begun loses nothing.
    const delay = state === 'dying' || target.queued ? 0 : this.#graceMs
    const { serial } = target
    const timer = setTimeout(() => {
      if (target.serial === serial && !target.answered) this.#send(target, this.#rowOf(target), -errno.EINTR)
    }, delay)
    timer.unref()
  }

  /** The kernel sends one INTERRUPT only: after a harmless signal we have to look for a serious one ourselves. */
  #watch(target: Call): void {
    const { serial } = target
    const timer = setInterval(() => {
      const state = callerState(target.request.pid)
      const over = target.serial !== serial || target.answered
      if (!over && state === 'harmless') return
      clearInterval(timer)
      if (!over) this.#interrupted(target, state)
    }, WATCH_MS)
    timer.unref()
  }

  signalOf(call: Call): AbortSignal {
    call.controller ??= new AbortController()
    if (call.interrupted || this.#session.hasEnded) call.controller.abort(interruption())
    return call.controller.signal
  }

  deferredOf(call: Call): Deferred {
    call.deferred ??= new Deferred(this, call)
    return call.deferred
  }

  answerDeferred(call: Call, result: number): void {
    this.#send(call, this.#rowOf(call), result)
  }

  errnoFor(call: Call, error: unknown): number {
    return this.#session.failures.errno(this.#rowOf(call).opcode.name, error)
  }

  reportLate(opcode: number, why: string): void {
    this.#session.failures.late(opcodeRow(opcode)?.name ?? String(opcode), why)
  }

  /** Answers everybody who waits with an error. */
  abort(error: number): void {
    for (const call of [...this.#inflight.calls()]) {
      call.controller?.abort(interruption())
      if (!call.answered) this.#send(call, this.#rowOf(call), error)
    }
  }

  /** The mount has ended: nobody waits for any of these replies. */
  end(): void {
    for (const call of this.#inflight.clear()) {
      call.answered = true
      call.controller?.abort(interruption())
    }
  }

  #park(call: Call, row: DispatchRow): void {
    const { payloadIn, payloadOut } = row.opcode
    this.#session.transport.park(call, payloadIn, payloadOut)
    call.parked = true
    this.#rows.set(call, row)
    this.#inflight.add(call)
  }

  #rowOf(call: Call): DispatchRow {
    return this.#rows.get(call)!
  }

  #settled(call: Call, row: DispatchRow, value: unknown): void {
    call.handlerRuns = false
    if (!call.answered) {
      if (call.deferred !== null && value === call.deferred) return
      const result = typeof value === 'number' ? value : this.#notAnAnswer(call, row, value)
      this.#send(call, row, result)
      return
    }
    if (typeof value === 'number' && call.deferred === null && !this.#session.hasEnded)
      this.#dropLate(call, row, value)
    this.#done(call)
  }

  /** Sends the answer of a parked call. */
  #send(call: Call, row: DispatchRow, result: number): void {
    this.#inflight.remove(call)
    const length = this.#session.answer(call, row, result)
    if (length > 0) {
      const error = this.#session.transport.send(call, length)
      if (error < 0) this.#session.replyFailed(call, error)
    }
    this.#done(call)
  }

  /** Gives the call's memory back once its handler cannot touch it any more, and lets the next request run. */
  #done(call: Call): void {
    if (call.handlerRuns || call.queued) return
    if (call.counted) this.#inflight.leave()
    this.#session.transport.pool.release(call)
    this.#runQueued()
  }

  #runQueued(): void {
    while (this.#inflight.hasRoom) {
      const next = this.#inflight.dequeue()
      if (next === null) return
      if (!this.#inflight.full) this.#session.transport.resume()
      const { call, row } = next
      call.queued = false
      // An interrupted one was answered while it queued; its memory waits for this moment.
      if (call.answered) this.#session.transport.pool.release(call)
      else this.#runParked(call, row)
    }
  }

  #runParked(call: Call, row: DispatchRow): void {
    const length = this.#session.run(call, row)
    // A handler that waits owns the call, also when its reply has left early.
    if (!call.answered || call.handlerRuns) return
    this.#inflight.remove(call)
    if (length > 0) {
      const error = this.#session.transport.send(call, length)
      if (error < 0) this.#session.replyFailed(call, error)
    }
    this.#session.transport.pool.release(call)
  }

  /** The caller got EINTR, or the mount ended, before the handler was done: what it achieved is taken back. */
  #dropLate(call: Call, row: DispatchRow, result: number): void {
    this.#session.failures.lateReplies++
    if (result >= 0) this.#session.undo(call, row)
  }

  #notAnAnswer(call: Call, row: DispatchRow, value: unknown): number {
    const why = value === undefined ? 'ended without an answer' : `answered ${describe(value)}`
    return this.#session.failures.badReply(
      row.opcode.name,
      call.node,
      `${why} (expected 0, a count or a negative errno)`,
    )
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

const interruption = (): DOMException => new DOMException('the caller was interrupted', 'AbortError')

function describe(value: unknown): string {
  return typeof value === 'object' && value !== null
    ? `an object (${value.constructor?.name ?? 'Object'})`
    : String(value)
}
