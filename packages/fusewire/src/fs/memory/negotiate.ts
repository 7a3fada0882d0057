import type { InitRequest } from '../../api/connection.js'
import type { Settings } from './options.js'

type Feature = Parameters<InitRequest['want']>[0]

/** What the memory filesystem is written for. Where the kernel lacks one, the session says so and things still work. */
const WANTED: readonly Feature[] = [
  // ACLs are kept here and enforced by the kernel; a default ACL replaces the umask, so the raw mode is needed.
  'POSIX_ACL',
  'DONT_MASK',
  'SETXATTR_EXT',
  'HANDLE_KILLPRIV_V2',
  'ATOMIC_O_TRUNC',
  'PARALLEL_DIROPS',
  'DO_READDIRPLUS',
  'READDIRPLUS_AUTO',
  'CACHE_SYMLINKS',
  'EXPORT_SUPPORT',
  'NO_OPENDIR_SUPPORT',
  'ASYNC_READ',
  'BIG_WRITES',
  'MAX_PAGES',
  // Nobody else changes the files, so what the kernel has cached stays right.
  'EXPLICIT_INVAL_DATA',
]

/** Locks of this filesystem's own. */
const LOCKS: readonly Feature[] = ['POSIX_LOCKS', 'FLOCK_LOCKS']

/** Asks for what suits the settings, before INIT is answered. */
export function negotiate(init: InitRequest, settings: Settings): void {
  for (const feature of WANTED) init.want(feature)
  init.avoid('AUTO_INVAL_DATA')
  init.avoid('HANDLE_KILLPRIV')
  for (const feature of LOCKS) {
    if (settings.kernelLocks) init.avoid(feature)
    else init.want(feature)
  }
  if (settings.kernelLocks) {
    init.want('NO_OPEN_SUPPORT')
    // Without OPEN there is nobody who would truncate; the kernel then sends SETATTR.
    init.avoid('ATOMIC_O_TRUNC')
  }
  if (settings.writeback) init.want('WRITEBACK_CACHE')
}
