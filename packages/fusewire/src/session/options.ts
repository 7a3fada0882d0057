import type { TraceRecord } from './trace.js'

/** How a session treats its mount. Times are seconds unless the name says otherwise. */
export interface SessionOptions {
  /** How long the kernel may trust a name (default 1, as libfuse's high-level interface). 0: ask at each use. */
  entryTimeout?: number
  /** How long the kernel may trust attributes (default 1). */
  attrTimeout?: number
  /** Largest write in one request, bytes: 4096..16 MiB, a multiple of 4096 (default 1 MiB; the kernel may allow less). */
  maxWrite?: number
  /** Read-ahead in bytes that is asked for (the kernel takes the smaller of this and its own). */
  maxReadahead?: number
  /** Background requests (read-ahead, write-back, asynchronous I/O) in flight, 1..65535 (default 64). */
  maxBackground?: number
  /** Handlers that may be waiting at the same time, 1..65536 (default 1024); further requests queue. */
  maxInFlight?: number
  /** Let the kernel gather writes and own size and times of files (FUSE_WRITEBACK_CACHE; default off). */
  writebackCache?: boolean
  /** After a Ctrl-C of its caller a handler has so many seconds to stop before the caller gets EINTR (default 1). */
  interruptGrace?: number
  /** Answers EACCES to everybody but this user id and root (`allow_root`, which the kernel does not know). */
  onlyUser?: number | undefined
  /** Gets one line for each thing an author should know (default: standard error). */
  log?: (line: string) => void
  /** Gets one line for every request and every reply. */
  debug?: ((line: string) => void) | undefined
  /** Gets every request and every reply as bytes, to be replayed by the tools of `fusewire/testing`. */
  record?: ((record: TraceRecord) => void) | undefined
}

export interface SessionSettings extends Required<Omit<SessionOptions, 'debug' | 'record' | 'onlyUser'>> {
  onlyUser: number | null
  debug: ((line: string) => void) | null
  record: ((record: TraceRecord) => void) | null
}

export const DEFAULT_MAX_WRITE = 1024 * 1024
/** Twice the kernel's default would be 24; reads of several clients overlap better with more, and each costs 256 KiB at most. */
const DEFAULT_MAX_BACKGROUND = 64
const DEFAULT_MAX_IN_FLIGHT = 1024

/** Ranges of the numeric options, checked by whoever takes options from outside. */
export const SESSION_RANGES = {
  entryTimeout: [0, 0xffff_ffff],
  attrTimeout: [0, 0xffff_ffff],
  maxWrite: [4096, 16 * 1024 * 1024],
  maxReadahead: [0, 0xffff_ffff],
  maxBackground: [1, 65535],
  maxInFlight: [1, 65536],
  interruptGrace: [0, 3600],
} as const

export function sessionSettings(options: SessionOptions): SessionSettings {
  return {
    entryTimeout: options.entryTimeout ?? 1,
    attrTimeout: options.attrTimeout ?? 1,
    maxWrite: options.maxWrite ?? DEFAULT_MAX_WRITE,
    maxReadahead: options.maxReadahead ?? DEFAULT_MAX_WRITE,
    maxBackground: options.maxBackground ?? DEFAULT_MAX_BACKGROUND,
    maxInFlight: options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT,
    writebackCache: options.writebackCache ?? false,
    interruptGrace: options.interruptGrace ?? 1,
    onlyUser: options.onlyUser ?? null,
    log: options.log ?? ((line) => process.stderr.write(`${line}\n`)),
    debug: options.debug ?? null,
    record: options.record ?? null,
  }
}

/** XATTR_SIZE_MAX and the names and headers around it: the largest request and reply beside reads and writes. */
const XATTR_ROOM = 65536 + 4096
/** Pages of one request when the kernel has no MAX_PAGES: 128 KiB whatever was asked for. */
const SMALLEST_ROOM = 32 * 4096
/** Header and struct of a WRITE are 80 bytes; a page keeps the payload's end aligned. */
const REQUEST_HEAD = 4096

/** What a transport's memory must hold for these settings (the kernel demands max(8192, 80 + max_write) of a read). */
export function sessionSizes(settings: SessionSettings): { request: number; replyBody: number } {
  const payload = Math.max(settings.maxWrite, XATTR_ROOM, SMALLEST_ROOM)
  return { request: payload + REQUEST_HEAD, replyBody: payload }
}
