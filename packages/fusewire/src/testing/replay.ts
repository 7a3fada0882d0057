import { DirentReader } from '../abi/dirent.js'
import { formatReply, formatRequest } from '../abi/format.js'
import { Op } from '../abi/gen/opcodes.js'
import * as abi from '../abi/gen/structs.js'
import type { FileSystem } from '../api/filesystem.js'
import { PathBridge } from '../api/path/path-bridge.js'
import { PathFileSystem } from '../api/path/path-filesystem.js'
import { type SessionOptions, sessionSizes } from '../session/options.js'
import { Session } from '../session/session.js'
import type { TraceRecord } from '../session/trace.js'
import { type KernelSide, MemoryTransport } from '../transport/memory.js'
import { Memory, OUT_HEADER_BYTES } from '../transport/slot.js'

export interface ReplayOptions extends SessionOptions {
  /** Whether file times must be the recorded ones. Default false: a filesystem that has a clock gives others. */
  times?: boolean
  /** Milliseconds that one reply may take. Default 5000. */
  timeout?: number
}

/** The first reply that is not the recorded one. */
export interface ReplayDifference {
  /** Number of the recorded message, from 0 on. */
  readonly index: number
  /** The request, the recorded reply and the reply now, a readable line each. */
  readonly request: string
  readonly recorded: string
  readonly now: string
}

/** A kernel that only keeps what it is sent. */
class Listener implements KernelSide {
  readonly replies = new Map<string, Uint8Array>()
  #wake: () => void = () => {}

  reply(bytes: Uint8Array): number {
    this.replies.set(uniqueOf(bytes), Uint8Array.from(bytes))
    this.#wake()
    return 0
  }
  notification(): number {
    return 0
  }
  closed(): void {}

  /** The reply to a request; undefined when it does not come in time. */
  async wait(unique: string, milliseconds: number): Promise<Uint8Array | undefined> {
    const end = Date.now() + milliseconds
    while (!this.replies.has(unique) && Date.now() < end) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(1, end - Date.now()))
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    const reply = this.replies.get(unique)
    this.replies.delete(unique)
    return reply
  }
}

const uniqueOf = (message: Uint8Array): string => Buffer.from(message).toString('hex', 8, 16)

function memoryOf(bytes: Uint8Array): Memory {
  const memory = new Memory(bytes.length + 8)
  memory.bytes.set(bytes)
  return memory
}

/**
 * Sends the requests of a recorded connection to a filesystem, in their order, and compares its replies with the
 * recorded ones. Record with the option `record` of `mount` or `simulate`, from the first request (INIT) on.
 * @returns the first difference, or null
 */
export async function replay(
  trace: readonly TraceRecord[],
  fs: FileSystem | PathFileSystem,
  options: ReplayOptions = {},
): Promise<ReplayDifference | null> {
  const { times = false, timeout = 5000, ...rest } = options
  const session = new Session(fs instanceof PathFileSystem ? new PathBridge(fs) : fs, rest)
  const listener = new Listener()
  const transport = new MemoryTransport(listener, () => session.newCall(), sessionSizes(session.settings))
  session.start(transport)
  const requests = new Map<string, Uint8Array>()
  try {
    for (const [index, { kind, bytes }] of trace.entries()) {
      const unique = uniqueOf(bytes)
      if (kind === 'request') {
        requests.set(unique, bytes)
        transport.deliver(bytes)
        continue
      }
      const request = requests.get(unique)
      if (request === undefined) throw new Error(`record ${index} is a reply to no request of the trace`)
      const now = await listener.wait(unique, timeout)
      const difference = compare(index, request, bytes, now, times)
      if (difference !== null) return difference
      requests.delete(unique)
    }
    return null
  } finally {
    transport.disconnect()
    await session.closed
  }
}

function compare(
  index: number,
  request: Uint8Array,
  recorded: Uint8Array,
  now: Uint8Array | undefined,
  times: boolean,
): ReplayDifference | null {
  const asked = memoryOf(request)
  const opcode = abi.inHeader_opcode(asked.words, 0)
  const [before, after] = [memoryOf(recorded), now === undefined ? null : memoryOf(now)]
  for (const reply of times ? [] : [before, after]) if (reply !== null) clearTimes(reply, opcode)
  if (after !== null && recorded.length === now!.length && before.bytes.equals(after.bytes)) return null
  const show = (memory: Memory): string => formatReply(memory.words, 0, memory.bytes, opcode)
  return {
    index,
    request: formatRequest(asked.words, 0, asked.bytes.subarray(0, request.length)),
    recorded: show(before),
    now: after === null ? 'no reply' : show(after),
  }
}

const BODY = OUT_HEADER_BYTES / 4
const ENTRY_REPLIES: ReadonlySet<number> = new Set([
  Op.LOOKUP,
  Op.MKNOD,
  Op.MKDIR,
  Op.SYMLINK,
  Op.LINK,
  Op.CREATE,
  Op.TMPFILE,
])

/** Makes two replies comparable that differ in nothing but the clock. */
function clearTimes({ words, bytes }: Memory, opcode: number): void {
  if (words[1] !== 0) return
  if (ENTRY_REPLIES.has(opcode)) clearAttr(words, BODY + abi.ENTRY_OUT_ATTR_WORD)
  if (opcode === Op.GETATTR || opcode === Op.SETATTR) clearAttr(words, BODY + abi.ATTR_OUT_ATTR_WORD)
  if (opcode === Op.STATX) {
    const at = BODY + abi.STATX_OUT_STAT_WORD
    words.fill(0, at + abi.STATX_ATIME_WORD, at + abi.STATX_MTIME_WORD + abi.SX_TIME_WORDS)
  }
  if (opcode !== Op.READDIRPLUS) return
  const reader = new DirentReader()
  reader.reset(words, bytes, BODY, words[0]! - OUT_HEADER_BYTES, true)
  while (reader.next() === 1) clearAttr(words, reader.entry + abi.ENTRY_OUT_ATTR_WORD)
}

function clearAttr(words: Uint32Array, at: number): void {
  abi.setAttr_atime(words, at, 0)
  abi.setAttr_mtime(words, at, 0)
  abi.setAttr_ctime(words, at, 0)
  abi.setAttr_atimensec(words, at, 0)
  abi.setAttr_mtimensec(words, at, 0)
  abi.setAttr_ctimensec(words, at, 0)
}
