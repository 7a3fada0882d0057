import { errno, errnoName } from '../abi/errno.js'

/** A name of an errno, such as `ENOENT`. */
export type ErrnoName = keyof typeof errno

/** An error with an errno, to be thrown (or rejected with) by a filesystem: the caller of the system call gets it. */
export class FsError extends Error {
  override readonly name = 'FsError'
  /** errno name, such as `ENOENT`. */
  readonly code: ErrnoName
  /** The positive errno number. */
  readonly errno: number

  constructor(code: ErrnoName, message?: string, options?: ErrorOptions) {
    super(message === undefined ? code : `${code}: ${message}`, options)
    this.code = code
    this.errno = errno[code]
  }
}

/** Errors with a code of Node's own, as the errno that says the same. */
const NODE_CODES: Readonly<Record<string, number>> = {
  ABORT_ERR: errno.EINTR,
  ERR_FS_FILE_TOO_LARGE: errno.EFBIG,
  ERR_FS_EISDIR: errno.EISDIR,
  ERR_INVALID_ARG_VALUE: errno.EINVAL,
  ERR_INVALID_ARG_TYPE: errno.EINVAL,
  ERR_OUT_OF_RANGE: errno.EINVAL,
  ERR_ACCESS_DENIED: errno.EACCES,
  UND_ERR_CONNECT_TIMEOUT: errno.ETIMEDOUT,
  UND_ERR_HEADERS_TIMEOUT: errno.ETIMEDOUT,
  UND_ERR_BODY_TIMEOUT: errno.ETIMEDOUT,
}

/** The largest errno that the kernel lets through (a reply's error is refused from -512 on). */
export const ERRNO_MAX = 511

/**
 * The negative errno that an error thrown by a filesystem stands for: `.code` of a Node error or an {@link FsError},
 * a numeric `.errno` of either sign, or a thrown number. 0 when the error says nothing of the kind.
 */
export function errnoOf(thrown: unknown): number {
  if (typeof thrown === 'number') return fromNumber(thrown)
  if (typeof thrown !== 'object' || thrown === null) return 0
  const { code, errno: number, name } = thrown as { code?: unknown; errno?: unknown; name?: unknown }
  if (typeof code === 'string') {
    const value = (errno as Readonly<Record<string, number>>)[code] ?? NODE_CODES[code]
    if (value !== undefined) return -value
  }
  if (typeof number === 'number') return fromNumber(number)
  if (typeof code === 'number') return name === 'AbortError' ? -errno.EINTR : fromNumber(code)
  return name === 'AbortError' ? -errno.EINTR : 0
}

function fromNumber(value: number): number {
  if (!Number.isInteger(value) || value === 0 || Math.abs(value) > ERRNO_MAX) return 0
  return -Math.abs(value)
}

export { errno, errnoName }
