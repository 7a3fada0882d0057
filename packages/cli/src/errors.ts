import { MountError } from 'fusewire'
import { shown } from './shown.js'

/** What the common refusals of the file system calls mean for someone at a prompt. */
const CURES: Readonly<Record<string, string>> = {
  ENOENT: 'check the spelling of the path',
  EACCES: 'ask its owner for access, or use another account',
  EPERM: 'this needs more privilege: try with sudo',
  ENOTDIR: 'give a directory',
  ERR_MODULE: 'mend the module (--debug shows where it failed)',
  ERR_MODULE_NOT_FOUND: 'check the path of the module, and that it is installed',
}

/** A module that was to give a filesystem failed while it was loaded. */
export class ModuleError extends Error {
  override readonly name = 'ModuleError'
  /** The code of what it threw, as far as there is one. */
  readonly code: string
  constructor(path: string, thrown: unknown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    super(`${path} cannot be loaded: ${message}`, { cause: thrown })
    const { code } = (thrown ?? {}) as { code?: unknown }
    this.code = typeof code === 'string' ? code : 'ERR_MODULE'
    if (thrown instanceof Error && thrown.stack !== undefined) this.stack = thrown.stack
  }
}

/** One plain sentence with its cure. */
export function describeError(error: unknown): string {
  if (error instanceof MountError) return shown(error.message)
  if (!(error instanceof Error)) return shown(String(error))
  const code = (error as { code?: unknown }).code
  const cure = typeof code === 'string' ? CURES[code] : undefined
  const message = error.message.split('\n')[0]!
  return shown(cure === undefined ? message : `${message}; ${cure}`)
}
