import { MountError } from 'fusewire'
import { shown } from './shown.js'

/** What the common refusals of the file system calls mean for someone at a prompt. */
const CURES: Readonly<Record<string, string>> = {
  ENOENT: 'check the spelling of the path',
  EACCES: 'ask its owner for access, or use another account',
  EPERM: 'this needs more privilege: try with sudo',
  ENOTDIR: 'give a directory',
  ERR_MODULE_NOT_FOUND: 'check the path of the module, and that it is installed',
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
