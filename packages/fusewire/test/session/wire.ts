import { RequestWriter } from '../../src/abi/encode.js'
import { INIT_FLAGS, PROTOCOL } from '../../src/abi/gen/flags.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import { type InitRequest, writeInitRequest } from '../../src/abi/init.js'
import type { FileSystem } from '../../src/api/filesystem.js'
import type { Call } from '../../src/session/call.js'
import { type SessionOptions, sessionSizes } from '../../src/session/options.js'
import { Session } from '../../src/session/session.js'
import { type KernelSide, MemoryTransport } from '../../src/transport/memory.js'
import { Memory } from '../../src/transport/slot.js'

/** One reply as it came over the wire. */
export interface WireReply {
  readonly unique: number
  readonly error: number
  readonly bytes: Buffer
  readonly words: Uint32Array
}

/** Body words start behind the header. */
export const BODY = 4

/** What one request is made of. */
export interface WireRequest {
  opcode: number
  node?: number
  fill?: (words: Uint32Array, op: number) => void
  names?: (string | Uint8Array)[]
  payload?: Uint8Array
  uid?: number
  pid?: number
  unique?: number
}

/**
 * A kernel of a few lines: builds single requests, keeps every reply. No caches and no rules, so that a test sees just
 * what the session does.
 */
export class Wire implements KernelSide {
  readonly session: Session
  readonly transport: MemoryTransport<Call>
  readonly replies: WireReply[] = []
  readonly notifications: Buffer[] = []
  readonly log: string[] = []
  /** What `reply` answers the session: 0, or a negative errno. */
  replyResult = 0
  notificationResult: number | Promise<number> = 0
  isClosed = false
  onNotification: () => void = () => {}
  #unique = 0
  readonly #waiters = new Map<number, (reply: WireReply) => void>()

  constructor(fs: FileSystem, options: SessionOptions = {}) {
    this.session = new Session(fs, { log: (line) => this.log.push(line), ...options })
    this.transport = new MemoryTransport(
      this,
      () => this.session.newCall(),
      sessionSizes(this.session.settings),
    )
    this.session.start(this.transport)
  }

  /** A wire whose INIT is done. */
  static start(fs: FileSystem, options: SessionOptions = {}, init: Partial<InitRequest> = {}): Wire {
    const wire = new Wire(fs, options)
    wire.init(init)
    return wire
  }

  init(init: Partial<InitRequest> = {}): WireReply | undefined {
    let flags = 0
    let flags2 = 0
    for (const flag of INIT_FLAGS) {
      if (flag.word === 0) flags |= flag.mask
      else flags2 |= flag.mask
    }
    const request = {
      major: 7,
      minor: 45,
      maxReadahead: 131072,
      flags: flags >>> 0,
      flags2: flags2 >>> 0,
      ...init,
    }
    return this.call({
      opcode: Op.INIT,
      fill: (words, op) => void writeInitRequest(words, op, request),
    })
  }

  reply(bytes: Uint8Array): number {
    const memory = new Memory(Math.max(bytes.length, 512))
    memory.bytes.set(bytes)
    const words = memory.words
    const unique = words[2]! + (words[3]! & 0x1f_ffff) * 0x1_0000_0000
    const reply = { unique, error: words[1]! | 0, bytes: memory.bytes.subarray(0, bytes.length), words }
    this.replies.push(reply)
    this.#waiters.get(unique)?.(reply)
    return this.replyResult
  }

  notification(bytes: Uint8Array): number | Promise<number> {
    this.notifications.push(Buffer.from(bytes))
    this.onNotification()
    return this.notificationResult
  }

  closed(): void {
    this.isClosed = true
  }

  /** Sends a request; its number. */
  send(request: WireRequest): number {
    const memory = new Memory(1024 + PROTOCOL.MIN_READ_BUFFER + (request.payload?.length ?? 0))
    const writer = new RequestWriter()
    writer.reset(memory.words, memory.bytes, 0)
    this.#unique += 2
    const unique = request.unique ?? this.#unique
    const op = writer.begin(
      request.opcode,
      unique >>> 0,
      Math.floor(unique / 0x1_0000_0000),
      request.node ?? 1,
    )
    writer.caller(request.uid ?? 0, 0, request.pid ?? 0)
    request.fill?.(memory.words, op)
    for (const name of request.names ?? []) writer.name(name)
    if (request.payload !== undefined) writer.payload(request.payload)
    const length = writer.end()
    this.transport.deliver(memory.bytes.subarray(0, length))
    return unique
  }

  /** Sends a request and gives the reply if it came at once. */
  call(request: WireRequest): WireReply | undefined {
    const before = this.replies.length
    this.send(request)
    return this.replies[before]
  }

  /** The reply to request `unique`, which may have come already; rejects after 5 seconds. */
  async wait(unique: number): Promise<WireReply> {
    const there = this.replies.find((reply) => reply.unique === unique)
    if (there !== undefined) return there
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<WireReply>((resolve, reject) => {
        this.#waiters.set(unique, resolve)
        timer = setTimeout(() => reject(new Error(`no reply to request ${unique} in 5 s`)), 5000)
      })
    } finally {
      clearTimeout(timer)
      this.#waiters.delete(unique)
    }
  }

  lookup(name: string, parent = 1): WireReply | undefined {
    return this.call({ opcode: Op.LOOKUP, node: parent, names: [name] })
  }

  interrupt(unique: number): void {
    this.send({
      opcode: Op.INTERRUPT,
      unique: unique + 1,
      fill: (words, op) =>
        abi.setInterruptIn_unique(words, op, unique >>> 0, Math.floor(unique / 0x1_0000_0000)),
    })
  }
}
