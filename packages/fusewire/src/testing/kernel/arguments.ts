import { O } from '../../abi/gen/flags.js'
import type { PathLike, Time, TimeSpec } from '../posix-fs.js'

/** A path as bytes, one character each. */
export function pathBytes(path: PathLike): string {
  const bytes =
    typeof path === 'string' ? Buffer.from(path) : Buffer.from(path.buffer, path.byteOffset, path.byteLength)
  const text = bytes.toString('latin1')
  if (text.includes('\0')) {
    throw Object.assign(new TypeError('a path must not have NUL bytes'), { code: 'ERR_INVALID_ARG_VALUE' })
  }
  return text
}

/** Bytes as text. */
export const textOf = (bytes: string): string => Buffer.from(bytes, 'latin1').toString()

export const shownPath = (path: PathLike): string =>
  typeof path === 'string' ? path : Buffer.from(path).toString()

const FLAGS: Readonly<Record<string, number>> = {
  r: 0,
  rs: O.SYNC,
  'r+': O.RDWR,
  'rs+': O.RDWR | O.SYNC,
  w: O.WRONLY | O.CREAT | O.TRUNC,
  wx: O.WRONLY | O.CREAT | O.TRUNC | O.EXCL,
  'w+': O.RDWR | O.CREAT | O.TRUNC,
  'wx+': O.RDWR | O.CREAT | O.TRUNC | O.EXCL,
  a: O.WRONLY | O.CREAT | O.APPEND,
  ax: O.WRONLY | O.CREAT | O.APPEND | O.EXCL,
  as: O.WRONLY | O.CREAT | O.APPEND | O.SYNC,
  'a+': O.RDWR | O.CREAT | O.APPEND,
  'ax+': O.RDWR | O.CREAT | O.APPEND | O.EXCL,
  'as+': O.RDWR | O.CREAT | O.APPEND | O.SYNC,
}

/** open(2) flags of Node's letters, or Linux's number as it is. */
export function openFlags(flags: string | number): number {
  if (typeof flags === 'number') return flags
  const found = FLAGS[flags]
  if (found === undefined) {
    throw Object.assign(new TypeError(`unknown flags ${JSON.stringify(flags)}`), {
      code: 'ERR_INVALID_ARG_VALUE',
    })
  }
  return found
}

export const dataBytes = (data: Uint8Array | string): Uint8Array =>
  typeof data === 'string' ? Buffer.from(data) : data

/** Nanoseconds of a time as utimes of node:fs takes it: seconds, or a `Date`. */
export const nanoseconds = (time: Time): bigint =>
  typeof time === 'number' ? BigInt(Math.round(time * 1e6)) * 1000n : BigInt(time.getTime()) * 1_000_000n

/** The fields of a change of times. */
export function timeChange(
  atime: TimeSpec,
  mtime: TimeSpec,
): { atime?: bigint | 'now'; mtime?: bigint | 'now' } {
  return { ...(atime === 'omit' ? {} : { atime }), ...(mtime === 'omit' ? {} : { mtime }) }
}
