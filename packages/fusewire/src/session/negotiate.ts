import { INIT_FLAGS, type InitFlagName, PROTOCOL } from '../abi/gen/flags.js'
import type { InitReply, InitRequest } from '../abi/init.js'
import type { Negotiated } from '../api/connection.js'
import type { FileSystem } from '../api/filesystem.js'
import type { SessionSettings } from './options.js'

const PAGE = 4096
/** Pages of one request when the kernel has no MAX_PAGES (before 7.28) . */
const PAGES_WITHOUT_MAX_PAGES = 32

/** What every filesystem gains from, wherever the kernel has it. */
const ALWAYS: readonly InitFlagName[] = [
  'ASYNC_READ',
  'ATOMIC_O_TRUNC',
  'BIG_WRITES',
  'AUTO_INVAL_DATA',
  'ASYNC_DIO',
  'PARALLEL_DIROPS',
  'ABORT_ERROR',
  'MAX_PAGES',
  'HAS_IOCTL_DIR',
  'NO_OPEN_SUPPORT',
  'NO_OPENDIR_SUPPORT',
  'SETXATTR_EXT',
  'HAS_EXPIRE_ONLY',
  'HAS_RESEND',
]

/** The features that the kernel offers in its INIT. */
export function offeredFeatures(init: InitRequest): Set<InitFlagName> {
  const offered = new Set<InitFlagName>()
  for (const flag of INIT_FLAGS) {
    if (((flag.word === 0 ? init.flags : init.flags2) & flag.mask) !== 0)
      offered.add(flag.name as InitFlagName)
  }
  return offered
}

/** The features to ask for before the filesystem has its say. */
export function wishes(fs: FileSystem, settings: SessionSettings): Set<InitFlagName> {
  const wanted = new Set<InitFlagName>(ALWAYS)
  if (fs.setlk !== undefined) {
    wanted.add('POSIX_LOCKS')
    wanted.add('FLOCK_LOCKS')
  }
  if (fs.readdirplus !== undefined) {
    wanted.add('DO_READDIRPLUS')
    if (fs.readdir !== undefined) wanted.add('READDIRPLUS_AUTO')
  }
  if (settings.writebackCache) wanted.add('WRITEBACK_CACHE')
  return wanted
}

/** Features that need another one, or exclude it: (feature, whether it may stay, why not). */
function conflicts(features: ReadonlySet<InitFlagName>): [InitFlagName, string][] {
  const found: [InitFlagName, string][] = []
  if (features.has('PASSTHROUGH') && features.has('WRITEBACK_CACHE')) {
    found.push(['PASSTHROUGH', 'the kernel does not combine it with WRITEBACK_CACHE'])
  }
  if (features.has('AUTO_INVAL_DATA') && features.has('EXPLICIT_INVAL_DATA')) {
    found.push(['AUTO_INVAL_DATA', 'EXPLICIT_INVAL_DATA was asked for'])
  }
  if (features.has('HANDLE_KILLPRIV') && features.has('HANDLE_KILLPRIV_V2')) {
    found.push(['HANDLE_KILLPRIV', 'HANDLE_KILLPRIV_V2 is on'])
  }
  return found
}

/** Decides what is on: wished for, offered, and free of conflicts. */
export function agree(
  kernel: InitRequest,
  wanted: ReadonlySet<InitFlagName>,
  settings: SessionSettings,
): Negotiated {
  const offered = offeredFeatures(kernel)
  const features = new Set<InitFlagName>()
  const refused = new Map<InitFlagName, string>()
  for (const name of wanted) {
    if (offered.has(name)) features.add(name)
    else refused.set(name, `the kernel (7.${kernel.minor}) does not offer it`)
  }
  for (const [name, why] of conflicts(features)) {
    features.delete(name)
    refused.set(name, why)
  }
  const usesSecondWord = INIT_FLAGS.some((flag) => flag.word === 1 && features.has(flag.name as InitFlagName))
  if (usesSecondWord) features.add('INIT_EXT')
  const maxWrite = features.has('MAX_PAGES')
    ? settings.maxWrite
    : Math.min(settings.maxWrite, PAGES_WITHOUT_MAX_PAGES * PAGE)
  const maxBackground = settings.maxBackground
  return {
    major: PROTOCOL.KERNEL_VERSION,
    minor: Math.min(kernel.minor, PROTOCOL.KERNEL_MINOR_VERSION),
    kernelMinor: kernel.minor,
    features,
    offered,
    refused,
    maxWrite,
    maxRead: features.has('MAX_PAGES') ? maxWrite : PAGES_WITHOUT_MAX_PAGES * PAGE,
    maxReadahead: Math.min(kernel.maxReadahead, settings.maxReadahead),
    maxBackground,
    congestionThreshold: Math.max(1, Math.floor((maxBackground * 3) / 4)),
    timeGran: 1,
  }
}

/** What was agreed on, as `fuse_init_out` has it. */
export function initReply(agreed: Negotiated): InitReply {
  let flags = 0
  let flags2 = 0
  for (const flag of INIT_FLAGS) {
    if (!agreed.features.has(flag.name as InitFlagName)) continue
    if (flag.word === 0) flags |= flag.mask
    else flags2 |= flag.mask
  }
  return {
    minor: agreed.minor,
    maxReadahead: agreed.maxReadahead,
    flags: flags >>> 0,
    flags2: flags2 >>> 0,
    maxBackground: agreed.maxBackground,
    congestionThreshold: agreed.congestionThreshold,
    maxWrite: agreed.maxWrite,
    timeGran: agreed.timeGran,
    maxPages: Math.ceil(agreed.maxWrite / PAGE),
    mapAlignment: 0,
    maxStackDepth: 0,
    requestTimeout: 0,
  }
}
