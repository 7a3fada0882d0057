import { InitFlag, INIT_FLAGS, type InitFlagName, PROTOCOL } from '../abi/gen/flags.js'
import * as abi from '../abi/gen/structs.js'
import type { Negotiated } from '../api/connection.js'
import type { FileSystem } from '../api/filesystem.js'
import type { SessionSettings } from './options.js'

const PAGE = 4096
/** Pages of one request when the kernel has no MAX_PAGES (before 7.28) . */
const PAGES_WITHOUT_MAX_PAGES = 32
/** The oldest kernel minor that we talk to (Linux 5.4). */
export const OLDEST_MINOR = 31

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

/** What the kernel's INIT said. */
export interface KernelInit {
  readonly major: number
  readonly minor: number
  readonly maxReadahead: number
  readonly offered: ReadonlySet<InitFlagName>
}

/** Reads `fuse_init_in`; `flags2` exists only when the kernel says so (INIT_EXT). */
export function readInit(words: Uint32Array, op: number, inBytes: number): KernelInit {
  const flags = inBytes >= 16 ? abi.initIn_flags(words, op) : 0
  const extended = (flags & InitFlag.INIT_EXT.mask) !== 0 && inBytes >= 20
  const flags2 = extended ? abi.initIn_flags2(words, op) : 0
  const offered = new Set<InitFlagName>()
  for (const flag of INIT_FLAGS) {
    if (((flag.word === 0 ? flags : flags2) & flag.mask) !== 0) offered.add(flag.name as InitFlagName)
  }
  return {
    major: abi.initIn_major(words, op),
    minor: abi.initIn_minor(words, op),
    maxReadahead: abi.initIn_maxReadahead(words, op),
    offered,
  }
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
export function agree(kernel: KernelInit, wanted: ReadonlySet<InitFlagName>, settings: SessionSettings): Negotiated {
  const features = new Set<InitFlagName>()
  const refused = new Map<InitFlagName, string>()
  for (const name of wanted) {
    if (kernel.offered.has(name)) features.add(name)
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
    offered: kernel.offered,
    refused,
    maxWrite,
    maxRead: features.has('MAX_PAGES') ? maxWrite : PAGES_WITHOUT_MAX_PAGES * PAGE,
    maxReadahead: Math.min(kernel.maxReadahead, settings.maxReadahead),
    maxBackground,
    congestionThreshold: Math.max(1, Math.floor((maxBackground * 3) / 4)),
    timeGran: 1,
  }
}

/** Writes `fuse_init_out`; returns its bytes. */
export function writeInit(words: Uint32Array, at: number, agreed: Negotiated): number {
  words.fill(0, at, at + abi.INIT_OUT_WORDS)
  let flags = 0
  let flags2 = 0
  for (const flag of INIT_FLAGS) {
    if (!agreed.features.has(flag.name as InitFlagName)) continue
    if (flag.word === 0) flags |= flag.mask
    else flags2 |= flag.mask
  }
  abi.setInitOut_major(words, at, agreed.major)
  abi.setInitOut_minor(words, at, agreed.minor)
  abi.setInitOut_maxReadahead(words, at, agreed.maxReadahead)
  abi.setInitOut_flags(words, at, flags >>> 0)
  abi.setInitOut_flags2(words, at, flags2 >>> 0)
  abi.setInitOut_maxBackground(words, at, agreed.maxBackground)
  abi.setInitOut_congestionThreshold(words, at, agreed.congestionThreshold)
  abi.setInitOut_maxWrite(words, at, agreed.maxWrite)
  abi.setInitOut_timeGran(words, at, agreed.timeGran)
  abi.setInitOut_maxPages(words, at, Math.ceil(agreed.maxWrite / PAGE))
  return abi.INIT_OUT_SIZE
}
