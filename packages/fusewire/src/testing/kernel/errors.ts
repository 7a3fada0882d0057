import { getSystemErrorMap } from 'node:util'
import { errno, errnoName } from '../../abi/errno.js'

/** An errno's name. */
export type Code = keyof typeof errno

/** What a system call of the simulator fails with, in the shape of Node's errors: `code`, negative `errno`, `syscall`, `path`. */
export class SystemError extends Error {
  readonly code: string
  readonly errno: number
  syscall: string | undefined
  path: string | undefined
  dest: string | undefined

  constructor(code: string, detail?: string) {
    super(detail === undefined ? code : `${code}: ${detail}`)
    this.name = 'SystemError'
    this.code = code
    this.errno = -(errno[code as Code] ?? 0)
  }
}

const textOf = (negative: number): string | undefined => getSystemErrorMap().get(negative)?.[1]

export const fail = (code: Code, detail?: string): SystemError =>
  new SystemError(code, detail ?? textOf(-errno[code]))

/** The error of a reply's negative errno; numbers without a name are passed to the caller as the kernel does. */
export const errorOf = (negative: number): SystemError =>
  new SystemError(errnoName(negative), textOf(negative))

/** Says in a failed call's error which call it was and on what, as Node does. */
export function describeError(thrown: unknown, syscall: string, path?: string, dest?: string): unknown {
  if (!(thrown instanceof SystemError) || thrown.syscall !== undefined) return thrown
  thrown.syscall = syscall
  if (path !== undefined) thrown.path = path
  if (dest !== undefined) thrown.dest = dest
  const where = path === undefined ? '' : ` '${path}'`
  thrown.message += `, ${syscall}${where}${dest === undefined ? '' : ` -> '${dest}'`}`
  return thrown
}
