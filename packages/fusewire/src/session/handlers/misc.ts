import { LK_FLAG, POLL_FLAG } from '../../abi/gen/flags.js'
import * as abi from '../../abi/gen/structs.js'
import type { Mapping } from '../../api/filesystem.js'
import type { Lock } from '../../api/outs.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'
import { ioctl as ioctlDone, lock as lockDone, nothing, poll as pollDone } from '../finish.js'
import type { Fs, HandlerRow } from './row.js'

/** The kernel's OFFSET_MAX, 2^63-1: "to the end of the file, however far it grows". */
const OFFSET_MAX_HIGH = 0x7fff_ffff
const OFFSET_MAX_LOW = 0xffff_ffff

function lockOf(c: Call): Lock {
  const { words, lock } = c
  const at = c.op + abi.LK_IN_LK_WORD
  const low = abi.fileLock_end_lo(words, at)
  const high = abi.fileLock_end_hi(words, at)
  lock.start = abi.fileLock_start(words, at)
  lock.end = high === OFFSET_MAX_HIGH && low === OFFSET_MAX_LOW ? Infinity : abi.fileLock_end(words, at)
  lock.type = abi.fileLock_type(words, at)
  lock.pid = abi.fileLock_pid(words, at)
  c.setLockOwner(abi.lkIn_owner_lo(words, c.op), abi.lkIn_owner_hi(words, c.op))
  return lock
}

const getlk = (c: Call, fs: Fs): Result =>
  fs.getlk(c.request, c.node, abi.lkIn_fh(c.words, c.op), lockOf(c), c.lockOut())

const setlkWith =
  (wait: boolean) =>
  (c: Call, fs: Fs): Result => {
    const flock = (abi.lkIn_lkFlags(c.words, c.op) & LK_FLAG.FLOCK) !== 0
    return fs.setlk(c.request, c.node, abi.lkIn_fh(c.words, c.op), lockOf(c), wait, flock)
  }

const poll = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  const wants = (abi.pollIn_flags(words, op) & POLL_FLAG.SCHEDULE_NOTIFY) !== 0
  const wake = wants ? { low: abi.pollIn_kh_lo(words, op), high: abi.pollIn_kh_hi(words, op) } : undefined
  return fs.poll(c.request, c.node, abi.pollIn_fh(words, op), abi.pollIn_events(words, op), wake)
}

const ioctl = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  c.request.ioFlags = abi.ioctlIn_flags(words, op)
  c.clear(abi.IOCTL_OUT_WORDS)
  const out = c.dataOut(abi.ioctlIn_outSize(words, op))
  out.headroom = abi.IOCTL_OUT_SIZE
  const command = abi.ioctlIn_cmd(words, op)
  return fs.ioctl(
    c.request,
    c.node,
    abi.ioctlIn_fh(words, op),
    command,
    abi.ioctlIn_arg(words, op),
    c.payload(),
    out,
  )
}

const setupmapping = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  return fs.setupmapping(
    c.request,
    c.node,
    abi.setupmappingIn_fh(words, op),
    abi.setupmappingIn_foffset(words, op),
    abi.setupmappingIn_len(words, op),
    abi.setupmappingIn_flags(words, op),
    abi.setupmappingIn_moffset(words, op),
  )
}

const removemapping = (c: Call, fs: Fs): Result => {
  const mappings: Mapping[] = []
  const view = new DataView(c.bytes.buffer, c.bytes.byteOffset + c.frame.payload, c.frame.payloadLength)
  for (let at = 0; at + abi.REMOVEMAPPING_ONE_SIZE <= view.byteLength; at += abi.REMOVEMAPPING_ONE_SIZE) {
    mappings.push({
      offset: Number(view.getBigUint64(at, true)),
      length: Number(view.getBigUint64(at + 8, true)),
    })
  }
  return fs.removemapping(c.request, c.node, mappings)
}

/** Locks, poll, ioctl and the DAX window. */
export const MISC_ROWS = {
  GETLK: { method: 'getlk', run: getlk, finish: lockDone },
  SETLK: { method: 'setlk', run: setlkWith(false), finish: nothing },
  SETLKW: { method: 'setlk', run: setlkWith(true), finish: nothing },
  POLL: { method: 'poll', run: poll, finish: pollDone },
  IOCTL: { method: 'ioctl', run: ioctl, finish: ioctlDone },
  SETUPMAPPING: { method: 'setupmapping', run: setupmapping, finish: nothing },
  REMOVEMAPPING: { method: 'removemapping', run: removemapping, finish: nothing },
} satisfies Record<string, HandlerRow>
