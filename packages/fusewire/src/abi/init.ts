import { InitFlag, PROTOCOL } from './gen/flags.js'
import {
  clearInitIn,
  clearInitOut,
  INIT_IN_SIZE,
  INIT_OUT_SIZE,
  initIn_flags,
  initIn_flags2,
  initIn_major,
  initIn_maxReadahead,
  initIn_minor,
  initOut_congestionThreshold,
  initOut_flags,
  initOut_flags2,
  initOut_major,
  initOut_mapAlignment,
  initOut_maxBackground,
  initOut_maxPages,
  initOut_maxReadahead,
  initOut_maxStackDepth,
  initOut_maxWrite,
  initOut_minor,
  initOut_requestTimeout,
  initOut_timeGran,
  setInitIn_flags,
  setInitIn_flags2,
  setInitIn_major,
  setInitIn_maxReadahead,
  setInitIn_minor,
  setInitOut_congestionThreshold,
  setInitOut_flags,
  setInitOut_flags2,
  setInitOut_major,
  setInitOut_mapAlignment,
  setInitOut_maxBackground,
  setInitOut_maxPages,
  setInitOut_maxReadahead,
  setInitOut_maxStackDepth,
  setInitOut_maxWrite,
  setInitOut_minor,
  setInitOut_requestTimeout,
  setInitOut_timeGran,
} from './gen/structs.js'

/** Oldest protocol minor that is served: Linux 5.4. */
export const MINOR_MIN = 31

/** `fuse_init_in`, with 0 for what an older kernel does not send. */
export interface InitRequest {
  major: number
  minor: number
  /** In bytes. */
  maxReadahead: number
  /** INIT flags, bits 0 to 31. */
  flags: number
  /** INIT flags, bits 32 to 63; 0 unless the kernel set INIT_EXT. */
  flags2: number
}

/** `fuse_init_out`. */
export interface InitReply {
  /** Minor of the server; the connection uses the smaller of both sides. */
  minor: number
  /** In bytes; the kernel takes the smaller of this and its own. */
  maxReadahead: number
  flags: number
  flags2: number
  /** Asynchronous requests in flight, 0 to 65535; 0 leaves the kernel's default of 12. */
  maxBackground: number
  /**
   * Asynchronous requests from which the kernel calls the device congested, 0 to 65535; 0 leaves the
   * default of 9.
   */
  congestionThreshold: number
  /** Largest WRITE in bytes; the kernel raises it to 4096. */
  maxWrite: number
  /** Granularity of file times in nanoseconds, 1 to 10^9; 0 means 1 s. */
  timeGran: number
  /** Pages of one request, with MAX_PAGES; the kernel limits it to fs.fuse.max_pages_limit. */
  maxPages: number
  /** log2 of the alignment of DAX mappings, with MAP_ALIGNMENT. */
  mapAlignment: number
  /** 1 or 2 with PASSTHROUGH, else 0. */
  maxStackDepth: number
  /** In seconds, with REQUEST_TIMEOUT. */
  requestTimeout: number
}

/** Sizes of `fuse_init_in`: before 7.6, before 7.36, and since. */
const INIT_IN_SIZES = { oldest: 8, beforeExt: 16 } as const

/** Reads `fuse_init_in` of `size` bytes (`frame.inSize`). */
export function parseInit(u: Uint32Array, b: number, size: number): InitRequest {
  const full = size >= INIT_IN_SIZES.beforeExt
  const flags = full ? initIn_flags(u, b) : 0
  const ext = size >= INIT_IN_SIZES.beforeExt + 4 && (flags & InitFlag.INIT_EXT.mask) !== 0
  return {
    major: initIn_major(u, b),
    minor: initIn_minor(u, b),
    maxReadahead: full ? initIn_maxReadahead(u, b) : 0,
    flags,
    flags2: ext ? initIn_flags2(u, b) : 0,
  }
}

/**
 * What the versions of an INIT request ask for: 'negotiate' a reply; 'retry', to answer with our major version only,
 * after which a newer kernel sends a second INIT; or 'refuse', with EPROTO, what is older than `MINOR_MIN`.
 */
export function initVersion(request: InitRequest): 'negotiate' | 'retry' | 'refuse' {
  if (request.major > PROTOCOL.KERNEL_VERSION) return 'retry'
  if (request.major < PROTOCOL.KERNEL_VERSION || request.minor < MINOR_MIN) return 'refuse'
  return 'negotiate'
}

/** Bytes of `fuse_init_out` that a kernel of this minor accepts: it refuses more. */
export function initReplySize(kernelMinor: number): number {
  if (kernelMinor < 5) return PROTOCOL.COMPAT_INIT_OUT_SIZE
  if (kernelMinor < 23) return PROTOCOL.COMPAT_22_INIT_OUT_SIZE
  return INIT_OUT_SIZE
}

/**
 * Writes `fuse_init_out` for a kernel of `kernelMinor` and returns its size in bytes. Fields that the kernel's minor
 * does not know stay 0, as it may use their place otherwise. Feature bits in `flags2` need INIT_EXT in `flags`, which is
 * set when there are any.
 */
export function writeInitReply(u: Uint32Array, b: number, reply: InitReply, kernelMinor: number): number {
  const size = initReplySize(kernelMinor)
  clearInitOutPart(u, b, size)
  setInitOut_major(u, b, PROTOCOL.KERNEL_VERSION)
  setInitOut_minor(u, b, Math.min(reply.minor, kernelMinor))
  if (size === PROTOCOL.COMPAT_INIT_OUT_SIZE) return size
  const flags2 = kernelMinor >= 36 ? reply.flags2 : 0
  setInitOut_maxReadahead(u, b, reply.maxReadahead)
  setInitOut_flags(u, b, flags2 === 0 ? reply.flags : reply.flags | InitFlag.INIT_EXT.mask)
  if (kernelMinor >= 13) {
    setInitOut_maxBackground(u, b, reply.maxBackground)
    setInitOut_congestionThreshold(u, b, reply.congestionThreshold)
  }
  setInitOut_maxWrite(u, b, reply.maxWrite)
  if (size === PROTOCOL.COMPAT_22_INIT_OUT_SIZE) return size
  setInitOut_timeGran(u, b, reply.timeGran)
  if (kernelMinor >= 28) setInitOut_maxPages(u, b, reply.maxPages)
  if (kernelMinor >= 31) setInitOut_mapAlignment(u, b, reply.mapAlignment)
  setInitOut_flags2(u, b, flags2)
  if (kernelMinor >= 40) setInitOut_maxStackDepth(u, b, reply.maxStackDepth)
  if (kernelMinor >= 43) setInitOut_requestTimeout(u, b, reply.requestTimeout)
  return size
}

/**
 * Writes the reply to a kernel of a newer major version: our own version and nothing else, in a full-size
 * struct.
 */
export function writeInitRetry(u: Uint32Array, b: number): number {
  clearInitOut(u, b)
  setInitOut_major(u, b, PROTOCOL.KERNEL_VERSION)
  setInitOut_minor(u, b, PROTOCOL.KERNEL_MINOR_VERSION)
  return INIT_OUT_SIZE
}

function clearInitOutPart(u: Uint32Array, b: number, size: number): void {
  if (size === INIT_OUT_SIZE) clearInitOut(u, b)
  else u.fill(0, b, b + size / 4)
}

/** Bytes of `fuse_init_in` that a kernel of this minor sends. */
export function initRequestSize(kernelMinor: number): number {
  if (kernelMinor < 6) return INIT_IN_SIZES.oldest
  return kernelMinor < 36 ? INIT_IN_SIZES.beforeExt : INIT_IN_SIZE
}

/**
 * Writes `fuse_init_in` as a kernel of `request.minor` does and returns its size in bytes; the kernel's
 * side of INIT.
 */
export function writeInitRequest(u: Uint32Array, b: number, request: InitRequest): number {
  const size = initRequestSize(request.minor)
  if (size === INIT_IN_SIZE) clearInitIn(u, b)
  setInitIn_major(u, b, request.major)
  setInitIn_minor(u, b, request.minor)
  if (size >= INIT_IN_SIZES.beforeExt) {
    setInitIn_maxReadahead(u, b, request.maxReadahead)
    setInitIn_flags(u, b, request.flags)
  }
  if (size === INIT_IN_SIZE) setInitIn_flags2(u, b, request.flags2)
  return size
}

/**
 * Reads `fuse_init_out` of `size` bytes as a kernel does: what is missing counts as 0, and `flags2` only with INIT_EXT.
 * The kernel's side of INIT.
 */
export function parseInitReply(u: Uint32Array, b: number, size: number): InitReply & { major: number } {
  const middle = size >= PROTOCOL.COMPAT_22_INIT_OUT_SIZE
  const full = size >= INIT_OUT_SIZE
  const flags = middle ? initOut_flags(u, b) : 0
  return {
    major: initOut_major(u, b),
    minor: initOut_minor(u, b),
    maxReadahead: middle ? initOut_maxReadahead(u, b) : 0,
    flags,
    flags2: full && (flags & InitFlag.INIT_EXT.mask) !== 0 ? initOut_flags2(u, b) : 0,
    maxBackground: middle ? initOut_maxBackground(u, b) : 0,
    congestionThreshold: middle ? initOut_congestionThreshold(u, b) : 0,
    maxWrite: middle ? initOut_maxWrite(u, b) : 0,
    timeGran: full ? initOut_timeGran(u, b) : 0,
    maxPages: full ? initOut_maxPages(u, b) : 0,
    mapAlignment: full ? initOut_mapAlignment(u, b) : 0,
    maxStackDepth: full ? initOut_maxStackDepth(u, b) : 0,
    requestTimeout: full ? initOut_requestTimeout(u, b) : 0,
  }
}
