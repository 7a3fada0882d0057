import { LK_FLAG } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { LOCK_TYPE } from '../../api/constants.js'
import { fail } from './errors.js'
import type { Kernel } from './kernel.js'
import type { OpenFile } from './open.js'

export interface LockRange {
  readonly type: 'read' | 'write' | 'unlock'
  /** First byte; default 0. */
  readonly start?: number
  /** Bytes; 0 (the default) is up to the end of every file. */
  readonly length?: number
}

/** A lock that is in the way. */
export interface LockFound {
  readonly type: 'read' | 'write'
  readonly start: number
  readonly length: number
  readonly pid: number
}

export interface LockOptions {
  /** Wait until it can be had (F_SETLKW); EINTR when `signal` aborts. */
  readonly wait?: boolean
  /** An flock(2) lock of the open file, on the whole file. */
  readonly flock?: boolean
  /** A lock of the open file (F_OFD_SETLK), not of the process. */
  readonly ofd?: boolean
  readonly signal?: AbortSignal
}

const NUMBERS = { read: LOCK_TYPE.RDLCK, write: LOCK_TYPE.WRLCK, unlock: LOCK_TYPE.UNLCK }
/** OFFSET_MAX, 2^63-1: the end of a lock without end. */
const END_LOW = 0xffff_ffff
const END_HIGH = 0x7fff_ffff
const TWO_32 = 0x1_0000_0000

function fillLock(k: Kernel, file: OpenFile, range: LockRange, options: LockOptions) {
  const start = range.start ?? 0
  const length = range.length ?? 0
  if (start < 0 || length < 0) throw fail('EINVAL')
  const byFile = options.flock === true || options.ofd === true
  return (u: Uint32Array, op: number): void => {
    const at = op + abi.LK_IN_LK_WORD
    abi.setLkIn_fh(u, op, file.handle)
    abi.setLkIn_owner(u, op, ...k.lockOwner(byFile ? -file.id : file.caller.pid))
    abi.setFileLock_start(u, at, options.flock === true ? 0 : start)
    const end = start + length - 1
    if (length === 0 || options.flock === true) abi.setFileLock_endWords(u, at, END_LOW, END_HIGH)
    else abi.setFileLock_endWords(u, at, end % TWO_32, Math.floor(end / TWO_32))
    abi.setFileLock_type(u, at, NUMBERS[range.type])
    abi.setFileLock_pid(u, at, file.caller.pid)
    if (options.flock === true) abi.setLkIn_lkFlags(u, op, LK_FLAG.FLOCK)
  }
}

/** fcntl(2) F_SETLK, F_SETLKW, F_OFD_SETLK and flock(2), where the filesystem keeps the locks. */
export async function setLock(
  k: Kernel,
  file: OpenFile,
  range: LockRange,
  options: LockOptions,
): Promise<void> {
  if (!k.has(options.flock === true ? 'FLOCK_LOCKS' : 'POSIX_LOCKS')) {
    throw fail('EOPNOTSUPP', 'the kernel alone keeps these locks, and the simulator has none of its own')
  }
  if (options.flock !== true) {
    if (range.type === 'read' && !file.readable) throw fail('EBADF')
    if (range.type === 'write' && !file.writable) throw fail('EBADF')
  } else file.flocked = true
  const fill = fillLock(k, file, range, options)
  const opcode = options.wait === true ? Op.SETLKW : Op.SETLK
  await k.request(file.inode, { opcode, fill, caller: file.caller, signal: options.signal })
}

/** fcntl(2) F_GETLK: what is in the way, or null. */
export async function getLock(
  k: Kernel,
  file: OpenFile,
  range: LockRange,
  options: LockOptions = {},
): Promise<LockFound | null> {
  const fill = fillLock(k, file, range, options)
  const { words, body } = await k.request(file.inode, { opcode: Op.GETLK, fill, caller: file.caller })
  const at = body + abi.LK_OUT_LK_WORD
  const type = abi.fileLock_type(words, at)
  if (type === LOCK_TYPE.UNLCK) return null
  if (type !== LOCK_TYPE.RDLCK && type !== LOCK_TYPE.WRLCK) {
    throw k.invalid(Op.GETLK, file.inode.nodeid, `lock type ${type}`)
  }
  const start = abi.fileLock_start(words, at)
  const endless = abi.fileLock_end_lo(words, at) === END_LOW && abi.fileLock_end_hi(words, at) === END_HIGH
  const length = endless ? 0 : abi.fileLock_end(words, at) - start + 1
  if (length < 0) throw k.invalid(Op.GETLK, file.inode.nodeid, 'the lock ends before it starts')
  return {
    type: type === LOCK_TYPE.RDLCK ? 'read' : 'write',
    start,
    length,
    pid: abi.fileLock_pid(words, at),
  }
}
