// The one error of mounting and unmounting, and the small one that the ways throw inside.
import { errnoName } from '../abi/errno.js'
import type { Holder } from './holders.js'

/** How a filesystem can come to be mounted; each name is one file of this folder. */
export type MountMethod = 'fsmount' | 'mount' | 'fusermount3' | 'fd'

/** One way that was tried and refused. */
export interface Refusal {
  readonly method: MountMethod
  /** The call that failed: `open`, `fsopen`, `fsconfig source`, `move_mount`, `mount`, `fusermount3` ... */
  readonly step: string
  /** errno name, such as `EPERM`. */
  readonly code: string
  /** What the kernel or the helper said, or the errno's name again. */
  readonly reason: string
  /** Lines of the filesystem context's log or of the helper's standard error. */
  readonly log: readonly string[]
}

/** What a {@link MountError} is made of. */
export interface MountErrorParts {
  /** What failed with which value: `cannot mount on /x`. */
  readonly what: string
  readonly errno: number
  readonly step: string
  readonly cause: string
  readonly cure: string
  readonly tried?: readonly Refusal[]
  readonly log?: readonly string[]
  readonly holders?: readonly Holder[]
}

/**
 * Thrown by everything that mounts, unmounts or checks the options for it. The message is one plain sentence: what
 * failed, the likely cause, and the cure.
 */
export class MountError extends Error {
  override readonly name = 'MountError'
  /** errno name, such as `EBUSY`. */
  readonly code: string
  /** The errno itself, positive. */
  readonly errno: number
  /** The call or check that failed. */
  readonly step: string
  /** Every way that was tried, in order, with its refusal. */
  readonly tried: readonly Refusal[]
  /** The likely cause, in words. */
  override readonly cause: string
  /** What to do about it. */
  readonly cure: string
  /** Lines that the kernel's filesystem context or the helper wrote about it. */
  readonly log: readonly string[]
  /** With EBUSY at an unmount: who keeps the mount busy. */
  readonly holders: readonly Holder[]

  constructor(parts: MountErrorParts) {
    const code = errnoName(parts.errno)
    super(`${parts.what}: ${parts.cause} (${code} at ${parts.step}); ${parts.cure}`)
    this.code = code
    this.errno = parts.errno
    this.step = parts.step
    this.tried = parts.tried ?? []
    this.cause = parts.cause
    this.cure = parts.cure
    this.log = parts.log ?? []
    this.holders = parts.holders ?? []
  }
}

/** A call of one way that failed; `mountDevice` turns it into a Refusal and finds the cause. */
export class StepError extends Error {
  override readonly name = 'StepError'
  readonly errno: number
  readonly step: string
  readonly log: readonly string[]

  constructor(step: string, errno: number, log: readonly string[] = []) {
    super(`${step}: ${log.length > 0 ? log.join('; ') : errnoName(errno)}`)
    this.step = step
    this.errno = errno
    this.log = log
  }
}

/** Returns `result` when it is not a negative errno, else throws a StepError that names the step. */
export function checked(step: string, result: number, log: readonly string[] = []): number {
  if (result < 0) throw new StepError(step, -result, log)
  return result
}
