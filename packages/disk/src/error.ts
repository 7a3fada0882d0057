import { constants } from 'node:os'

/**
 * Why an operation on a disk, a table or a volume failed. The names are POSIX's, so that a caller (a mount, a
 * program made for `node:fs`) can pass them on:
 *
 * | code | meaning here |
 * | --- | --- |
 * | `EINVAL` | a position, length or option outside of its range |
 * | `EROFS` | a write to something opened read-only |
 * | `EBADF` | use after close |
 * | `EBUSY` | locked by another writer |
 * | `EIO` | the layer below failed, or ended early |
 * | `EUCLEAN` | the bytes on the disk break the format's rules ("structure needs cleaning") |
 * | `ENOTSUP` | a valid feature that is not supported, for example encryption |
 * | `ENOSPC` | no room |
 * | `EFBIG` | larger than the format or a limit allows |
 * | `ENOENT`, `EEXIST`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY`, `ENAMETOOLONG`, `EACCES`, `ELOOP`, `ENODATA`, `EPERM`, `EXDEV` | as in POSIX |
 * | `ABORT_ERR` | the caller's AbortSignal fired |
 */
export type DiskErrorCode =
  | 'EINVAL'
  | 'EROFS'
  | 'EBADF'
  | 'EBUSY'
  | 'EIO'
  | 'EUCLEAN'
  | 'ENOTSUP'
  | 'ENOSPC'
  | 'EFBIG'
  | 'ENOENT'
  | 'EEXIST'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'ENOTEMPTY'
  | 'ENAMETOOLONG'
  | 'EACCES'
  | 'ELOOP'
  | 'ENODATA'
  | 'EPERM'
  | 'EXDEV'
  | 'ABORT_ERR'

/** What an error can tell besides its code and its sentence; every field is optional. */
export interface DiskErrorDetails {
  /** Byte position in the source that was read or written. */
  position?: number
  /** What the format demands there. */
  expected?: unknown
  /** What was found there. */
  actual?: unknown
  /** What the user can do, one sentence. */
  cure?: string
  /** The file path that was asked for. */
  path?: string
  /** The operation, as in Node's errors: `open`, `read`, `rename`. */
  syscall?: string
  cause?: unknown
}

/** Shows a detail shortly: numbers that look like magic as they are, bytes and texts cut at 64 characters. */
function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value > 255 ? `${value} (0x${value.toString(16)})` : `${value}`
  }
  const text =
    value instanceof Uint8Array ? Buffer.from(value.subarray(0, 32)).toString('hex') : String(value)
  return text.length > 64 ? `${text.slice(0, 61)}...` : text
}

/** The one error of this package: what failed, where, expected and actual, and what to do. */
export class DiskError extends Error {
  readonly code: DiskErrorCode
  /** Negative errno number of this machine, as in Node's errors; undefined for `ABORT_ERR`. */
  readonly errno: number | undefined
  readonly position: number | undefined
  readonly expected: unknown
  readonly actual: unknown
  readonly cure: string | undefined
  readonly path: string | undefined
  readonly syscall: string | undefined

  constructor(code: DiskErrorCode, what: string, details: DiskErrorDetails = {}) {
    let message = `${code}: ${what}`
    if (details.path !== undefined) message += ` '${details.path}'`
    if (details.position !== undefined) message += ` at byte ${details.position}`
    if (details.expected !== undefined) message += `, expected ${show(details.expected)}`
    if (details.actual !== undefined) message += `, found ${show(details.actual)}`
    if (details.cure !== undefined) message += `. ${details.cure}`
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = code === 'ABORT_ERR' ? 'AbortError' : 'DiskError'
    this.code = code
    const number = (constants.errno as Record<string, number>)[code] ?? OTHER_ERRNO[code]
    this.errno = number === undefined ? undefined : -number
    this.position = details.position
    this.expected = details.expected
    this.actual = details.actual
    this.cure = details.cure
    this.path = details.path
    this.syscall = details.syscall
  }
}

/** Numbers of Linux (asm-generic/errno.h) that `os.constants` does not list. */
const OTHER_ERRNO: Record<string, number> = { EUCLEAN: 117 }

/** The bytes at `position` break the format: the error of every parser here. */
export function corrupt(
  what: string,
  position: number,
  expected?: unknown,
  actual?: unknown,
  cure?: string,
): DiskError {
  return new DiskError('EUCLEAN', what, {
    position,
    expected,
    actual,
    ...(cure === undefined ? {} : { cure }),
  })
}
