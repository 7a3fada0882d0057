/**
 * FILETIME: 100-nanosecond steps since 1601-01-01 UTC, unsigned 64 bits. Too long for a JavaScript number, so a
 * bigint here.
 */
export type FileTime = bigint

/** Seconds between 1601-01-01 and 1970-01-01: 369 years with 89 leap days. */
const EPOCH_SECONDS = 11_644_473_600n
const EPOCH_STEPS = EPOCH_SECONDS * 10_000_000n
const MAX = 0xffff_ffff_ffff_ffffn

function clamp(time: bigint): FileTime {
  return time < 0n ? 0n : time > MAX ? MAX : time
}

/** Milliseconds since 1970 (fractions kept to 100 ns); times outside of the format's range become its ends. */
export function fileTimeOfMs(ms: number): FileTime {
  const whole = Math.floor(ms)
  return clamp(BigInt(whole) * 10_000n + BigInt(Math.floor((ms - whole) * 10_000)) + EPOCH_STEPS)
}

/** Nanoseconds since 1970. */
export function fileTimeOfNs(ns: bigint): FileTime {
  const down = ns < 0n && ns % 100n !== 0n ? ns / 100n - 1n : ns / 100n
  return clamp(down + EPOCH_STEPS)
}

/** Milliseconds since 1970 with fractions, rounded as doubles are. */
export function msOfFileTime(time: FileTime): number {
  return Number(time - EPOCH_STEPS) / 10_000
}

/** Nanoseconds since 1970, exact. */
export function nsOfFileTime(time: FileTime): bigint {
  return (time - EPOCH_STEPS) * 100n
}
