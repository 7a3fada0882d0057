import { O } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { refreshAttributes } from './attributes.js'
import { fail } from './errors.js'
import { read, write } from './file-io.js'
import type { Kernel } from './kernel.js'
import type { OpenFile } from './open.js'

/** Modes of fallocate(2) (linux/falloc.h). */
export const FALLOC = { KEEP_SIZE: 1, PUNCH_HOLE: 2, ZERO_RANGE: 0x10 } as const
/** `whence` of lseek(2). */
export const SEEK = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const

/** fallocate(2). */
export async function fallocate(
  k: Kernel,
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
): Promise<void> {
  const { inode } = file
  if (offset < 0 || length <= 0) throw fail('EINVAL')
  if ((mode & ~(FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE | FALLOC.ZERO_RANGE)) !== 0) throw fail('EOPNOTSUPP')
  if ((mode & FALLOC.PUNCH_HOLE) !== 0 && mode !== (FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE))
    throw fail('EOPNOTSUPP')
  if (!file.writable) throw fail('EBADF')
  if (!inode.isFile) throw fail('ENODEV')
  await inode.lock.exclusive(async () => {
    const fill = (u: Uint32Array, op: number): void => {
      abi.setFallocateIn_fh(u, op, file.handle)
      abi.setFallocateIn_offset(u, op, offset)
      abi.setFallocateIn_length(u, op, length)
      abi.setFallocateIn_mode(u, op, mode)
    }
    const reply = await k.optional(inode, { opcode: Op.FALLOCATE, fill, caller: file.caller })
    if (reply === undefined) throw fail('EOPNOTSUPP')
    const end = offset + length
    if ((mode & FALLOC.KEEP_SIZE) === 0 && end > inode.attr.size) inode.attr = { ...inode.attr, size: end }
    if ((mode & (FALLOC.PUNCH_HOLE | FALLOC.ZERO_RANGE)) !== 0) inode.pages.drop(offset, end)
    k.attributesChanged(inode)
    inode.expire()
  })
}

/** lseek(2); moves the position. */
export async function lseek(k: Kernel, file: OpenFile, offset: number, whence: number): Promise<number> {
  if (!file.seekable) throw fail('ESPIPE')
  const position = await target(k, file, offset, whence)
  if (position < 0) throw fail('EINVAL')
  file.position = position
  return position
}

async function target(k: Kernel, file: OpenFile, offset: number, whence: number): Promise<number> {
  const { inode } = file
  if (whence === SEEK.SET) return offset
  if (whence === SEEK.CUR) return file.position + offset
  if (whence === SEEK.END) {
    await refreshAttributes(k, file.caller, inode, file.use)
    return inode.attr.size + offset
  }
  if (whence !== SEEK.DATA && whence !== SEEK.HOLE) throw fail('EINVAL')
  if (offset < 0) throw fail('ENXIO')
  const fill = (u: Uint32Array, op: number): void => {
    abi.setLseekIn_fh(u, op, file.handle)
    abi.setLseekIn_offset(u, op, offset)
    abi.setLseekIn_whence(u, op, whence)
  }
  const reply = await k.optional(inode, { opcode: Op.LSEEK, fill, caller: file.caller })
  if (reply !== undefined) return abi.lseekOut_offset(reply.words, reply.body)
  await refreshAttributes(k, file.caller, inode, file.use)
  if (offset >= inode.attr.size) throw fail('ENXIO')
  return whence === SEEK.DATA ? offset : inode.attr.size
}

/** copy_file_range(2) within the mount: by the filesystem, or by reading and writing where it cannot. */
export async function copyFileRange(
  k: Kernel,
  from: OpenFile,
  offset: number,
  to: OpenFile,
  toOffset: number,
  length: number,
): Promise<number> {
  if (!from.readable || !to.writable || (to.flags & O.APPEND) !== 0) throw fail('EBADF')
  if (from.inode.isDirectory || to.inode.isDirectory) throw fail('EISDIR')
  if (!from.inode.isFile || !to.inode.isFile) throw fail('EINVAL')
  if (from.inode === to.inode && offset < toOffset + length && toOffset < offset + length)
    throw fail('EINVAL')
  await refreshAttributes(k, from.caller, from.inode, from.use)
  const count = Math.min(length, Math.max(0, from.inode.attr.size - offset))
  if (count === 0) return 0
  const release = await to.inode.lock.take(true)
  let copied: number | undefined
  try {
    copied = await sendCopy(k, Op.COPY_FILE_RANGE_64, from, offset, to, toOffset, count)
    copied ??= await sendCopy(k, Op.COPY_FILE_RANGE, from, offset, to, toOffset, Math.min(count, 0xffff_f000))
  } finally {
    release()
  }
  if (copied !== undefined) return copied
  const data = await read(k, from, offset, count)
  return (await write(k, to, toOffset, data)).written
}

async function sendCopy(
  k: Kernel,
  opcode: number,
  from: OpenFile,
  offset: number,
  to: OpenFile,
  toOffset: number,
  length: number,
): Promise<number | undefined> {
  const fill = (u: Uint32Array, op: number): void => {
    abi.setCopyFileRangeIn_fhIn(u, op, from.handle)
    abi.setCopyFileRangeIn_offIn(u, op, offset)
    abi.setCopyFileRangeIn_nodeidOut(u, op, to.inode.nodeid)
    abi.setCopyFileRangeIn_fhOut(u, op, to.handle)
    abi.setCopyFileRangeIn_offOut(u, op, toOffset)
    abi.setCopyFileRangeIn_len(u, op, length)
  }
  const reply = await k.optional(from.inode, { opcode, fill, caller: from.caller })
  if (reply === undefined) return undefined
  const is64 = opcode === Op.COPY_FILE_RANGE_64
  const copied = is64
    ? abi.copyFileRangeOut_bytesCopied(reply.words, reply.body)
    : abi.writeOut_size(reply.words, reply.body)
  if (copied > length)
    throw k.invalid(opcode, from.inode.nodeid, `${copied} bytes copied where ${length} were asked for`)
  const { inode } = to
  if (toOffset + copied > inode.attr.size) inode.attr = { ...inode.attr, size: toOffset + copied }
  inode.pages.drop(toOffset, toOffset + copied)
  k.attributesChanged(inode)
  inode.staleStat = true
  return copied
}

/** fsync(2), fdatasync(2), of files and directories. */
export async function fsync(k: Kernel, file: OpenFile, datasync: boolean): Promise<void> {
  const opcode = file.inode.isDirectory ? Op.FSYNCDIR : Op.FSYNC
  const fill = (u: Uint32Array, op: number): void => {
    abi.setFsyncIn_fh(u, op, file.handle)
    abi.setFsyncIn_fsyncFlags(u, op, datasync ? 1 : 0)
  }
  await k.optional(file.inode, { opcode, fill, caller: file.caller })
}
