import { POLL_FLAG } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { POLL } from '../../api/constants.js'
import type { Caller } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import type { OpenFile } from './open.js'

/** What a file without poll is: always ready (`DEFAULT_POLLMASK`). */
const ALWAYS_READY = POLL.IN | POLL.OUT | POLL.RDNORM | POLL.WRNORM

/** One look at what is ready; with `wake` somebody waits. */
async function ready(k: Kernel, file: OpenFile, events: number, wake: boolean): Promise<number> {
  const fill = (u: Uint32Array, op: number): void => {
    abi.setPollIn_fh(u, op, file.handle)
    abi.setPollIn_kh(u, op, file.id, 0)
    abi.setPollIn_flags(u, op, wake ? POLL_FLAG.SCHEDULE_NOTIFY : 0)
    abi.setPollIn_events(u, op, events)
  }
  const reply = await k.optional(file.inode, { opcode: Op.POLL, fill, caller: file.caller })
  return reply === undefined ? ALWAYS_READY : abi.pollOut_revents(reply.words, reply.body)
}

/** poll(2) of one file: the events that are ready. Waits for a wake-up when `signal` is given, up to its abort (0). */
export async function poll(k: Kernel, file: OpenFile, events: number, signal?: AbortSignal): Promise<number> {
  const asked = events | POLL.ERR | POLL.HUP
  for (;;) {
    const woken = new Promise<void>((resolve) => {
      k.pollers.set(file.id, resolve)
      signal?.addEventListener('abort', () => resolve(), { once: true })
    })
    const found = (await ready(k, file, asked, signal !== undefined)) & asked
    if (found !== 0 || signal === undefined || signal.aborted) {
      k.pollers.delete(file.id)
      return found
    }
    await woken
  }
}

/** Direction and size in an ioctl number (asm-generic/ioctl.h). */
const IOC_WRITE = 1
const IOC_READ = 2

/** ioctl(2), restricted: what goes in and out is encoded in the command. */
export async function ioctl(
  k: Kernel,
  file: OpenFile,
  command: number,
  input: Uint8Array,
): Promise<{ result: number; output: Buffer }> {
  const direction = command >>> 30
  const size = (command >>> 16) & 0x3fff
  const inSize = (direction & IOC_WRITE) !== 0 ? size : 0
  if (inSize > 0 && input.length !== inSize) throw fail('EFAULT', `the command takes ${inSize} bytes`)
  const outSize = (direction & IOC_READ) !== 0 ? size : 0
  const fill = (u: Uint32Array, op: number): void => {
    abi.setIoctlIn_fh(u, op, file.handle)
    abi.setIoctlIn_cmd(u, op, command >>> 0)
    abi.setIoctlIn_inSize(u, op, inSize)
    abi.setIoctlIn_outSize(u, op, outSize)
  }
  const payload = input.subarray(0, inSize)
  const reply = await k.optional(file.inode, { opcode: Op.IOCTL, fill, payload, caller: file.caller })
  if (reply === undefined) throw fail('ENOTTY')
  const { words, bytes, body, length } = reply
  const given = length - abi.IOCTL_OUT_SIZE
  if (abi.ioctlOut_flags(words, body) !== 0 || given > outSize) {
    throw k.invalid(Op.IOCTL, file.inode.nodeid, `${given} bytes where ${outSize} were asked for, or a retry`)
  }
  const start = body * 4 + abi.IOCTL_OUT_SIZE
  return {
    result: abi.ioctlOut_result(words, body),
    output: Buffer.from(bytes.subarray(start, start + given)),
  }
}

/** What statfs(2) shows. */
export interface Statfs {
  readonly blocks: number
  readonly bfree: number
  readonly bavail: number
  readonly files: number
  readonly ffree: number
  readonly bsize: number
  readonly namelen: number
  readonly frsize: number
}

export async function statfs(k: Kernel, caller: Caller, inode: Inode): Promise<Statfs> {
  const { words, body } = await k.request(inode, { opcode: Op.STATFS, caller })
  const at = body + abi.STATFS_OUT_ST_WORD
  return {
    blocks: abi.kstatfs_blocks(words, at),
    bfree: abi.kstatfs_bfree(words, at),
    bavail: abi.kstatfs_bavail(words, at),
    files: abi.kstatfs_files(words, at),
    ffree: abi.kstatfs_ffree(words, at),
    bsize: abi.kstatfs_bsize(words, at),
    namelen: abi.kstatfs_namelen(words, at),
    frsize: abi.kstatfs_frsize(words, at),
  }
}
