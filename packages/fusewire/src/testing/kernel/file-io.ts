import { O, READ_FLAG, WRITE_FLAG } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { refreshAttributes } from './attributes.js'
import { isPrivileged } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import type { OpenFile } from './open.js'
import { PAGE } from './page-cache.js'
import { setattrLocked } from './setattr.js'

/** Pages that a buffered read asks for at once at least: the kernel's read-ahead of 128 KiB. */
const READ_AHEAD = 32

/** pread(2): the bytes from `offset` on, fewer at the file's end. */
export async function read(
  k: Kernel,
  file: OpenFile,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  if (!file.readable) throw fail('EBADF')
  if (file.inode.isDirectory) throw fail('EISDIR')
  if (offset < 0) throw fail('EINVAL')
  const data = file.direct
    ? await readDirect(k, file, offset, length, signal)
    : await readCached(k, file, offset, length, signal)
  if ((file.flags & O.NOATIME) === 0) file.inode.staleStat = true
  return data
}

function sendRead(k: Kernel, file: OpenFile, offset: number, size: number, signal: AbortSignal | undefined) {
  const fill = (u: Uint32Array, op: number): void => {
    abi.setReadIn_fh(u, op, file.handle)
    abi.setReadIn_offset(u, op, offset)
    abi.setReadIn_size(u, op, size)
    abi.setReadIn_flags(u, op, file.flags)
    if (!file.direct) return
    abi.setReadIn_readFlags(u, op, READ_FLAG.LOCKOWNER)
    abi.setReadIn_lockOwner(u, op, ...k.lockOwner(file.caller.pid))
  }
  return k.request(file.inode, { opcode: Op.READ, fill, caller: file.caller, signal })
}

async function readDirect(
  k: Kernel,
  file: OpenFile,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let done = 0; done < length; ) {
    const size = Math.min(length - done, k.agreed.maxRead)
    const reply = await sendRead(k, file, offset + done, size, signal)
    parts.push(reply.bytes.subarray(reply.body * 4, reply.body * 4 + reply.length))
    done += reply.length
    if (reply.length < size) break
  }
  return Buffer.concat(parts)
}

async function readCached(
  k: Kernel,
  file: OpenFile,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { inode } = file
  if (k.has('AUTO_INVAL_DATA') || offset + length > inode.attr.size) {
    await refreshAttributes(k, file.caller, inode, file.use)
  }
  for (;;) {
    const end = Math.min(offset + length, inode.attr.size)
    if (offset >= end) return Buffer.alloc(0)
    const missing = firstMissing(inode, offset, end)
    if (missing < 0) {
      const data = Buffer.alloc(end - offset)
      inode.pages.read(offset, data)
      return data
    }
    await fillPages(k, file, missing, end, signal)
  }
}

/** The first page between the offsets that is not cached, or -1. */
function firstMissing(inode: Inode, offset: number, end: number): number {
  for (let page = Math.floor(offset / PAGE); page * PAGE < end; page++)
    if (!inode.pages.has(page)) return page
  return -1
}

/** Reads from `page` on up to the end of the read, with read-ahead, up to the next cached page and the file's end. */
async function fillPages(
  k: Kernel,
  file: OpenFile,
  page: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { inode } = file
  const most = Math.floor(k.agreed.maxRead / PAGE)
  const wanted = Math.max(Math.ceil(end / PAGE) - page, Math.min(READ_AHEAD, most))
  const inFile = Math.ceil(inode.attr.size / PAGE) - page
  let count = Math.min(wanted, most, inFile)
  for (let i = 1; i < count; i++) if (inode.pages.has(page + i)) count = i
  const moment = k.attrMoment()
  const version = inode.attrVersion
  const { bytes, body, length } = await sendRead(k, file, page * PAGE, count * PAGE, signal)
  // A write or truncation in the meantime has better pages, or none: what was read is old.
  if (inode.attrVersion !== version) {
    for (let i = 0; i < count; i++) {
      if (!inode.pages.has(page + i)) inode.pages.fill((page + i) * PAGE, part(bytes, body, length, i), 1)
    }
  } else inode.pages.fill(page * PAGE, bytes.subarray(body * 4, body * 4 + length), count)
  const stop = page * PAGE + length
  // A short read is the file's end for the kernel.
  if (length < count * PAGE && stop < inode.attr.size && inode.attrVersion <= moment) {
    inode.attr = { ...inode.attr, size: stop }
    k.attributesChanged(inode)
  }
}

const part = (bytes: Buffer, body: number, length: number, i: number): Buffer =>
  bytes.subarray(body * 4 + Math.min(i * PAGE, length), body * 4 + Math.min((i + 1) * PAGE, length))

/** pwrite(2), or with O_APPEND at the end; `offset` is moved. The bytes written, and where they ended. */
export async function write(
  k: Kernel,
  file: OpenFile,
  offset: number,
  data: Uint8Array,
  signal?: AbortSignal,
): Promise<{ written: number; end: number }> {
  if (!file.writable) throw fail('EBADF')
  if (offset < 0) throw fail('EINVAL')
  return file.inode.lock.exclusive(() => writeLocked(k, file, offset, data, signal))
}

async function writeLocked(
  k: Kernel,
  file: OpenFile,
  offset: number,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<{ written: number; end: number }> {
  const { inode } = file
  const start = (file.flags & O.APPEND) !== 0 ? inode.attr.size : offset
  if (data.length === 0) return { written: 0, end: start }
  await removePrivileges(k, file)
  const most = k.has('BIG_WRITES') ? k.agreed.maxWrite : PAGE
  let done = 0
  try {
    while (done < data.length) {
      const chunk = data.subarray(done, done + most)
      const written = await sendWrite(k, file, start + done, chunk, signal)
      wrote(k, file, start + done, chunk.subarray(0, written))
      done += written
      if (written < chunk.length) break
    }
  } catch (thrown) {
    if (done === 0) throw thrown
  }
  return { written: done, end: start + done }
}

async function sendWrite(
  k: Kernel,
  file: OpenFile,
  offset: number,
  data: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<number> {
  const kill = k.has('HANDLE_KILLPRIV_V2') && !isPrivileged(file.caller) ? WRITE_FLAG.KILL_SUIDGID : 0
  const owner = file.direct ? WRITE_FLAG.LOCKOWNER : 0
  const fill = (u: Uint32Array, op: number): void => {
    abi.setWriteIn_fh(u, op, file.handle)
    abi.setWriteIn_offset(u, op, offset)
    abi.setWriteIn_size(u, op, data.length)
    abi.setWriteIn_writeFlags(u, op, kill | owner)
    abi.setWriteIn_flags(u, op, file.flags)
    if (owner !== 0) abi.setWriteIn_lockOwner(u, op, ...k.lockOwner(file.caller.pid))
  }
  const { words, body } = await k.request(file.inode, {
    opcode: Op.WRITE,
    fill,
    payload: data,
    caller: file.caller,
    signal,
  })
  const written = abi.writeOut_size(words, body)
  if (written > data.length) {
    throw k.invalid(Op.WRITE, file.inode.nodeid, `${written} bytes written where ${data.length} were given`)
  }
  if (written === 0 && !file.direct) throw fail('EIO', 'nothing was written')
  return written
}

/** Takes over into the cache what the filesystem has. */
function wrote(k: Kernel, file: OpenFile, offset: number, data: Uint8Array): void {
  const { inode } = file
  const end = offset + data.length
  if (end > inode.attr.size) inode.attr = { ...inode.attr, size: end }
  if (file.direct) inode.pages.drop(offset, end)
  else inode.pages.write(offset, data, inode.attr.size)
  k.attributesChanged(inode)
  inode.staleStat = true
}

/** A write by somebody without CAP_FSETID takes the set-id bits, by SETATTR when no KILLPRIV was agreed on. */
async function removePrivileges(k: Kernel, file: OpenFile): Promise<void> {
  const { inode, caller } = file
  if (k.has('HANDLE_KILLPRIV_V2') || k.has('HANDLE_KILLPRIV') || isPrivileged(caller)) return
  const mode = withoutSetId(inode.attr.mode)
  if (mode === inode.attr.mode) return
  await refreshAttributes(k, caller, inode)
  const root = { ...caller, uid: 0 }
  await setattrLocked(k, root, inode, { mode: withoutSetId(inode.attr.mode) & 0o7777 })
}

/** Set-user-id goes; set-group-id goes where the group may execute. */
export const withoutSetId = (mode: number): number => mode & ~0o4000 & ~((mode & 0o010) !== 0 ? 0o2000 : 0)
