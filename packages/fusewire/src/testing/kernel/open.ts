import { FOPEN, O, OPEN_FLAG, RELEASE_FLAG } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { S_IF } from '../../api/constants.js'
import { type Caller, isPrivileged } from './caller.js'
import type { Reply } from './channel.js'
import { directoryChanged, maskedMode } from './entries.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import { lookupLocked, walk, walkToCreate } from './lookup.js'
import { MAY, mayCreate, permit } from './permission.js'
import { setattr } from './setattr.js'

const ACCESS_MODE = 3
/** Flags that say how to open and are gone afterwards; O_CLOEXEC is the descriptor's. */
const NOT_SENT = O.CREAT | O.EXCL | O.NOCTTY | O.CLOEXEC

/** An open file or directory: what a descriptor stands for. */
export class OpenFile {
  readonly inode: Inode
  readonly caller: Caller
  /** open(2) flags as later requests carry them. */
  readonly flags: number
  /** The filesystem's number for it. */
  readonly handle: number
  /** `FOPEN_*` of the reply. */
  readonly modes: number
  /** The filesystem needs no OPEN and gets no RELEASE. */
  readonly stateless: boolean
  /** File position of read(2) and write(2). */
  position = 0
  /** Something was flock(2)ed through it. */
  flocked = false
  /** Number of the open file description, for lock owners and poll. */
  readonly id: number
  closed = false

  constructor(k: Kernel, inode: Inode, caller: Caller, flags: number, reply: OpenReply) {
    this.inode = inode
    this.caller = caller
    this.flags = flags
    this.handle = reply.handle
    this.modes = reply.modes
    this.stateless = reply.stateless
    this.id = k.nextFile()
    inode.opens++
  }

  get readable(): boolean {
    return (this.flags & ACCESS_MODE) !== O.WRONLY
  }
  get writable(): boolean {
    return (this.flags & ACCESS_MODE) !== 0
  }
  get direct(): boolean {
    return (this.modes & FOPEN.DIRECT_IO) !== 0 || (this.flags & O.DIRECT) !== 0
  }
  get seekable(): boolean {
    return (this.modes & (FOPEN.NONSEEKABLE | FOPEN.STREAM)) === 0
  }
  /** How requests name the file. */
  get use(): { handle: number } {
    return { handle: this.handle }
  }
}

interface OpenReply {
  readonly handle: number
  readonly modes: number
  readonly stateless: boolean
}

const openReply = ({ words }: Reply, at: number): OpenReply => ({
  handle: abi.openOut_fh(words, at),
  modes: abi.openOut_openFlags(words, at),
  stateless: false,
})

/** openat(2). `flags` are Linux's numbers. */
export async function open(
  k: Kernel,
  caller: Caller,
  path: string,
  flags: number,
  mode: number,
): Promise<OpenFile> {
  if ((flags & O.TMPFILE) === O.TMPFILE) return tmpfile(k, caller, path, flags, mode)
  if ((flags & O.CREAT) !== 0) return openOrCreate(k, caller, path, flags, mode)
  const inode = await walk(k, caller, path, (flags & O.NOFOLLOW) === 0)
  return openNode(k, caller, inode, flags)
}

async function openOrCreate(
  k: Kernel,
  caller: Caller,
  path: string,
  flags: number,
  mode: number,
): Promise<OpenFile> {
  const exclusive = (flags & O.EXCL) !== 0
  if ((flags & O.DIRECTORY) !== 0) throw fail('EINVAL')
  const { parent, inode } = await walkToCreate(k, caller, path, (flags & O.NOFOLLOW) === 0 && !exclusive)
  if (parent.name === '' || parent.slash) throw fail('EISDIR')
  const { directory, name } = parent
  if (inode === null) {
    const file = await directory.lock.exclusive(async () => {
      const now = await lookupLocked(k, caller, directory, name)
      return now === null ? create(k, caller, directory, name, flags, mode) : now
    })
    if (file instanceof OpenFile) return file
    return existing(k, caller, file, flags)
  }
  return existing(k, caller, inode, flags)
}

function existing(k: Kernel, caller: Caller, inode: Inode, flags: number): Promise<OpenFile> {
  if ((flags & O.EXCL) !== 0) throw fail('EEXIST')
  if (inode.isDirectory) throw fail('EISDIR')
  return openNode(k, caller, inode, flags)
}

async function create(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  flags: number,
  mode: number,
): Promise<OpenFile> {
  await mayCreate(k, caller, directory)
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => {
    abi.setCreateIn_flags(u, op, (flags & ~(O.NOCTTY | O.CLOEXEC)) >>> 0)
    abi.setCreateIn_mode(u, op, S_IF.REG | maskedMode(k, caller, mode & 0o7777))
    abi.setCreateIn_umask(u, op, caller.umask)
    if (killsOnOpen(k, caller, flags)) abi.setCreateIn_openFlags(u, op, OPEN_FLAG.KILL_SUIDGID)
  }
  const reply = await k.optional(directory, { opcode: Op.CREATE, names: [name], fill, caller })
  if (reply === undefined) return createByMknod(k, caller, directory, name, flags, mode)
  const { inode, until } = k.takeEntry(Op.CREATE, directory, reply, reply.body, moment, S_IF.REG)
  const file = new OpenFile(
    k,
    inode,
    caller,
    sentFlags(k, flags),
    openReply(reply, reply.body + abi.ENTRY_OUT_WORDS),
  )
  k.connect(directory, name, inode, until)
  directoryChanged(k, directory)
  return file
}

async function createByMknod(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  flags: number,
  mode: number,
): Promise<OpenFile> {
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => {
    abi.setMknodIn_mode(u, op, S_IF.REG | maskedMode(k, caller, mode & 0o7777))
    abi.setMknodIn_umask(u, op, caller.umask)
  }
  const reply = await k.request(directory, { opcode: Op.MKNOD, names: [name], fill, caller })
  const { inode, until } = k.takeEntry(Op.MKNOD, directory, reply, reply.body, moment, S_IF.REG)
  k.connect(directory, name, inode, until)
  directoryChanged(k, directory)
  return sendOpen(k, caller, inode, flags & ~O.TRUNC)
}

async function tmpfile(
  k: Kernel,
  caller: Caller,
  path: string,
  flags: number,
  mode: number,
): Promise<OpenFile> {
  if ((flags & ACCESS_MODE) === 0) throw fail('EINVAL')
  const directory = await walk(k, caller, path, true)
  if (!directory.isDirectory) throw fail('ENOTDIR')
  await permit(k, caller, directory, MAY.WRITE | MAY.EXEC)
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => {
    abi.setCreateIn_flags(u, op, (flags & ~(O.NOCTTY | O.CLOEXEC)) >>> 0)
    abi.setCreateIn_mode(u, op, S_IF.REG | maskedMode(k, caller, mode & 0o7777))
    abi.setCreateIn_umask(u, op, caller.umask)
  }
  const reply = await k.optional(directory, { opcode: Op.TMPFILE, names: ['/'], fill, caller })
  if (reply === undefined) throw fail('EOPNOTSUPP')
  const { inode } = k.takeEntry(Op.TMPFILE, directory, reply, reply.body, moment, S_IF.REG)
  return new OpenFile(
    k,
    inode,
    caller,
    sentFlags(k, flags),
    openReply(reply, reply.body + abi.ENTRY_OUT_WORDS),
  )
}

async function openNode(k: Kernel, caller: Caller, inode: Inode, flags: number): Promise<OpenFile> {
  const write = (flags & ACCESS_MODE) !== 0
  if (inode.isLink) throw fail('ELOOP')
  if (inode.isDirectory) {
    if (write || (flags & O.TRUNC) !== 0) throw fail('EISDIR')
    await permit(k, caller, inode, MAY.READ)
    return openDirectory(k, caller, inode, flags)
  }
  if ((flags & O.DIRECTORY) !== 0) throw fail('ENOTDIR')
  if (!inode.isFile) throw fail('ENXIO', 'what is behind a special node is no work of the filesystem')
  const truncates = (flags & O.TRUNC) !== 0
  const mask = ((flags & ACCESS_MODE) !== O.WRONLY ? MAY.READ : 0) | (write || truncates ? MAY.WRITE : 0)
  await permit(k, caller, inode, mask)
  if ((flags & O.NOATIME) !== 0 && !isPrivileged(caller) && caller.uid !== inode.attr.uid) throw fail('EPERM')
  const file = await sendOpen(k, caller, inode, flags)
  if (!truncates) return file
  try {
    await truncated(k, caller, file)
  } catch (thrown) {
    await release(k, file)
    throw thrown
  }
  return file
}

/** O_TRUNC: done by the OPEN itself (ATOMIC_O_TRUNC) or by a SETATTR after it. */
async function truncated(k: Kernel, caller: Caller, file: OpenFile): Promise<void> {
  const { inode } = file
  if (!k.has('ATOMIC_O_TRUNC') || file.stateless) return setattr(k, caller, inode, { size: 0 }, file.use)
  inode.attr = { ...inode.attr, size: 0 }
  inode.pages.drop()
  k.attributesChanged(inode)
  inode.expire()
}

const killsOnOpen = (k: Kernel, caller: Caller, flags: number): boolean =>
  k.has('HANDLE_KILLPRIV_V2') && (flags & O.TRUNC) !== 0 && !isPrivileged(caller)

const sentFlags = (k: Kernel, flags: number): number =>
  (flags & ~NOT_SENT & (k.has('ATOMIC_O_TRUNC') ? ~0 : ~O.TRUNC)) >>> 0

async function sendOpen(k: Kernel, caller: Caller, inode: Inode, flags: number): Promise<OpenFile> {
  const sent = sentFlags(k, flags)
  const fill = (u: Uint32Array, op: number): void => {
    abi.setOpenIn_flags(u, op, sent)
    if (killsOnOpen(k, caller, flags)) abi.setOpenIn_openFlags(u, op, OPEN_FLAG.KILL_SUIDGID)
  }
  const reply = await k.optional(inode, { opcode: Op.OPEN, fill, caller })
  const opened =
    reply === undefined
      ? { handle: 0, modes: FOPEN.KEEP_CACHE, stateless: true }
      : openReply(reply, reply.body)
  const file = new OpenFile(k, inode, caller, sent, opened)
  if ((opened.modes & FOPEN.KEEP_CACHE) === 0) inode.pages.drop()
  return file
}

export async function openDirectory(k: Kernel, caller: Caller, inode: Inode, flags = 0): Promise<OpenFile> {
  const sent = (flags | O.DIRECTORY) & ~NOT_SENT
  const fill = (u: Uint32Array, op: number): void => abi.setOpenIn_flags(u, op, sent)
  const reply = await k.optional(inode, { opcode: Op.OPENDIR, fill, caller })
  const stateless = { handle: 0, modes: FOPEN.CACHE_DIR | FOPEN.KEEP_CACHE, stateless: true }
  const opened = reply === undefined ? stateless : openReply(reply, reply.body)
  if ((opened.modes & FOPEN.KEEP_CACHE) === 0) inode.listing = null
  return new OpenFile(k, inode, caller, sent, opened)
}

/** close(2): FLUSH, whose error is close's, then the last close's RELEASE, which nobody waits for. */
export async function close(k: Kernel, file: OpenFile): Promise<void> {
  if (file.closed) throw fail('EBADF')
  file.closed = true
  try {
    if (!file.inode.isDirectory && !file.inode.bad && (file.modes & FOPEN.NOFLUSH) === 0) {
      const fill = (u: Uint32Array, op: number): void => {
        abi.setFlushIn_fh(u, op, file.handle)
        abi.setFlushIn_lockOwner(u, op, ...k.lockOwner(file.caller.pid))
      }
      await k.optional(file.inode, { opcode: Op.FLUSH, fill, caller: file.caller })
    }
  } finally {
    await release(k, file)
  }
}

async function release(k: Kernel, file: OpenFile): Promise<void> {
  file.closed = true
  const { inode } = file
  const opcode = inode.isDirectory ? Op.RELEASEDIR : Op.RELEASE
  if (!file.stateless) {
    const fill = (u: Uint32Array, op: number): void => {
      abi.setReleaseIn_fh(u, op, file.handle)
      abi.setReleaseIn_flags(u, op, file.flags)
      if (!file.flocked) return
      abi.setReleaseIn_releaseFlags(u, op, RELEASE_FLAG.FLOCK_UNLOCK)
      abi.setReleaseIn_lockOwner(u, op, ...k.lockOwner(-file.id))
    }
    // Its result reaches nobody, and a node that has gone bad is released too.
    k.background(k.channel.call({ opcode, node: inode.nodeid, fill }), () => k.closedFile(inode))
    return
  }
  k.closedFile(inode)
}
