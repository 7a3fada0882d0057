import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { RENAME_FLAG, S_IF } from '../../api/constants.js'
import type { Caller } from './caller.js'
import { fail, SystemError } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import { lookupLocked, type Parent } from './lookup.js'
import { mayCreate, mayDelete } from './permission.js'

/** Bytes of a link's target (PATH_MAX without the NUL). */
const TARGET_MAX = 4095

/** The mode of something new: masked here, unless the filesystem asked for the raw mode. */
export const maskedMode = (k: Kernel, caller: Caller, mode: number): number =>
  k.has('DONT_MASK') ? mode : mode & ~caller.umask

/** A directory's content was changed through this kernel. */
export function directoryChanged(k: Kernel, directory: Inode): void {
  directory.version++
  directory.expire()
  k.attributesChanged(directory)
}

/** Refuses a name that is already there, and checks that one may be made. */
async function newName(k: Kernel, caller: Caller, parent: Parent): Promise<void> {
  if (parent.name === '') throw fail('EEXIST')
  if ((await lookupLocked(k, caller, parent.directory, parent.name)) !== null) throw fail('EEXIST')
  await mayCreate(k, caller, parent.directory)
}

interface Creation {
  readonly opcode: number
  readonly names: readonly string[]
  readonly fill?: (u: Uint32Array, op: number) => void
  readonly type: number
}

async function create(k: Kernel, caller: Caller, parent: Parent, what: Creation): Promise<void> {
  const { directory, name } = parent
  await directory.lock.exclusive(async () => {
    if (what.type !== S_IF.DIR && parent.slash && parent.name !== '') throw fail('ENOENT')
    await newName(k, caller, parent)
    const moment = k.attrMoment()
    const { opcode, names, fill } = what
    const reply = await k.request(directory, {
      opcode,
      names,
      caller,
      ...(fill === undefined ? {} : { fill }),
    })
    const { inode, until } = k.takeEntry(opcode, directory, reply, reply.body, moment, what.type)
    if (what.type === S_IF.DIR && inode.aliases.size > 0) {
      throw k.invalid(opcode, directory.nodeid, 'the new directory is one that has a name already')
    }
    k.connect(directory, name, inode, until)
    directoryChanged(k, directory)
  })
}

export const mkdir = (k: Kernel, caller: Caller, parent: Parent, mode: number): Promise<void> =>
  create(k, caller, parent, {
    opcode: Op.MKDIR,
    names: [parent.name],
    type: S_IF.DIR,
    fill: (u, op) => {
      abi.setMkdirIn_mode(u, op, maskedMode(k, caller, mode & 0o1777))
      abi.setMkdirIn_umask(u, op, caller.umask)
    },
  })

/** mknod(2); `mode` has a type, or is a regular file. */
export const mknod = (
  k: Kernel,
  caller: Caller,
  parent: Parent,
  mode: number,
  rdev: number,
): Promise<void> => {
  const type = (mode & S_IF.MT) === 0 ? S_IF.REG : mode & S_IF.MT
  if (type === S_IF.DIR) throw fail('EPERM')
  if (type === S_IF.LNK) throw fail('EINVAL')
  if ((type === S_IF.CHR || type === S_IF.BLK) && caller.uid !== 0) throw fail('EPERM')
  return create(k, caller, parent, {
    opcode: Op.MKNOD,
    names: [parent.name],
    type,
    fill: (u, op) => {
      abi.setMknodIn_mode(u, op, type | maskedMode(k, caller, mode & 0o7777))
      abi.setMknodIn_rdev(u, op, rdev)
      abi.setMknodIn_umask(u, op, caller.umask)
    },
  })
}

export const symlink = (k: Kernel, caller: Caller, target: string, parent: Parent): Promise<void> => {
  if (target === '') throw fail('ENOENT')
  if (target.length > TARGET_MAX) throw fail('ENAMETOOLONG')
  return create(k, caller, parent, { opcode: Op.SYMLINK, names: [parent.name, target], type: S_IF.LNK })
}

export async function link(k: Kernel, caller: Caller, inode: Inode, parent: Parent): Promise<void> {
  const { directory, name } = parent
  await directory.lock.exclusive(async () => {
    if (parent.slash && parent.name !== '') throw fail('ENOENT')
    await newName(k, caller, parent)
    if (inode.isDirectory) throw fail('EPERM')
    const moment = k.attrMoment()
    const fill = (u: Uint32Array, op: number): void => abi.setLinkIn_oldnodeid(u, op, inode.nodeid)
    const reply = await k.optional(directory, { opcode: Op.LINK, names: [name], fill, caller })
    if (reply === undefined) throw fail('EPERM')
    const entry = k.takeEntry(Op.LINK, directory, reply, reply.body, moment, inode.attr.mode & S_IF.MT)
    k.connect(directory, name, entry.inode, entry.until)
    directoryChanged(k, directory)
    inode.expire()
  })
}

/** unlink(2) and rmdir(2). */
export async function remove(k: Kernel, caller: Caller, parent: Parent, isDirectory: boolean): Promise<void> {
  const { directory, name } = parent
  if (name === '') {
    if (!isDirectory) throw fail(directory === k.root && parent.last === '' ? 'EISDIR' : 'EISDIR')
    throw fail(parent.last === '.' ? 'EINVAL' : parent.last === '..' ? 'ENOTEMPTY' : 'EBUSY')
  }
  await directory.lock.exclusive(async () => {
    const victim = await lookupLocked(k, caller, directory, name)
    if (victim === null) throw fail('ENOENT')
    if (!isDirectory && parent.slash) throw fail(victim.isDirectory ? 'EISDIR' : 'ENOTDIR')
    await mayDelete(k, caller, directory, victim)
    if (isDirectory && !victim.isDirectory) throw fail('ENOTDIR')
    if (!isDirectory && victim.isDirectory) throw fail('EISDIR')
    const run = async (): Promise<void> => {
      await removeRequest(k, caller, directory, name, victim, isDirectory ? Op.RMDIR : Op.UNLINK)
    }
    await victim.lock.exclusive(run)
  })
}

async function removeRequest(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  victim: Inode,
  opcode: number,
): Promise<void> {
  try {
    await k.request(directory, { opcode, names: [name], caller })
  } catch (thrown) {
    // The name is not what it was thought to be: ask again at its next use.
    if (thrown instanceof SystemError && (thrown.code === 'EINTR' || thrown.code === 'ENOENT'))
      expireName(directory, name)
    throw thrown
  }
  const dentry = directory.children.get(name)
  if (dentry !== undefined) k.drop(dentry)
  directoryChanged(k, directory)
  victim.expire()
  k.attributesChanged(victim)
  if (victim.attr.nlink > 0)
    victim.attr = { ...victim.attr, nlink: opcode === Op.RMDIR ? 0 : victim.attr.nlink - 1 }
}

function expireName(directory: Inode, name: string): void {
  const dentry = directory.children.get(name)
  if (dentry !== undefined) dentry.until = Number.NEGATIVE_INFINITY
}

/** Whether `inode` lies in `directory` or below. */
function isBelow(k: Kernel, directory: Inode, inode: Inode): boolean {
  for (let at: Inode | undefined = directory; at !== undefined; at = [...at.aliases][0]?.parent) {
    if (at === inode) return true
    if (at === k.root) return false
  }
  return false
}

/** rename(2), renameat2(2). */
export async function rename(
  k: Kernel,
  caller: Caller,
  from: Parent,
  to: Parent,
  flags: number,
): Promise<void> {
  const { NOREPLACE, EXCHANGE, WHITEOUT } = RENAME_FLAG
  if ((flags & ~(NOREPLACE | EXCHANGE | WHITEOUT)) !== 0) throw fail('EINVAL')
  if ((flags & EXCHANGE) !== 0 && (flags & (NOREPLACE | WHITEOUT)) !== 0) throw fail('EINVAL')
  if (from.name === '' || to.name === '')
    throw fail((flags & NOREPLACE) !== 0 && to.name === '' ? 'EEXIST' : 'EBUSY')
  const release = await lockBoth(k, from.directory, to.directory)
  try {
    await renameLocked(k, caller, from, to, flags)
  } finally {
    release()
  }
}

async function lockBoth(k: Kernel, one: Inode, other: Inode): Promise<() => void> {
  if (one === other) return one.lock.take(true)
  // One rename between directories at a time, as s_vfs_rename_mutex.
  const across = await k.renames.take(true)
  // A directory before what lies in it, as rmdir(2) does; strangers by their ids.
  const oneFirst = isBelow(k, other, one) || (!isBelow(k, one, other) && one.nodeid < other.nodeid)
  const [first, second] = oneFirst ? [one, other] : [other, one]
  const releaseFirst = await first.lock.take(true)
  const releaseSecond = await second.lock.take(true)
  return () => {
    releaseSecond()
    releaseFirst()
    across()
  }
}

async function renameLocked(
  k: Kernel,
  caller: Caller,
  from: Parent,
  to: Parent,
  flags: number,
): Promise<void> {
  const source = await lookupLocked(k, caller, from.directory, from.name)
  if (source === null) throw fail('ENOENT')
  const target = await lookupLocked(k, caller, to.directory, to.name, true)
  await mayRename(k, caller, from, to, source, target, flags)
  if (source === target && (flags & RENAME_FLAG.EXCHANGE) === 0) return
  await renameRequest(k, caller, from, to, flags)
  moved(k, from, to, source, target, flags)
}

async function mayRename(
  k: Kernel,
  caller: Caller,
  from: Parent,
  to: Parent,
  source: Inode,
  target: Inode | null,
  flags: number,
): Promise<void> {
  const exchange = (flags & RENAME_FLAG.EXCHANGE) !== 0
  if (target !== null && (flags & RENAME_FLAG.NOREPLACE) !== 0) throw fail('EEXIST')
  if (exchange && target === null) throw fail('ENOENT')
  if (!source.isDirectory && (from.slash || (!exchange && to.slash))) throw fail('ENOTDIR')
  if (exchange && to.slash && !target!.isDirectory) throw fail('ENOTDIR')
  if (isBelow(k, to.directory, source)) throw fail('EINVAL')
  if (target !== null && isBelow(k, from.directory, target)) throw fail(exchange ? 'EINVAL' : 'ENOTEMPTY')
  if (source === target) return
  await mayDelete(k, caller, from.directory, source)
  if (target === null) return mayCreate(k, caller, to.directory)
  await mayDelete(k, caller, to.directory, target)
  if (exchange) return
  if (source.isDirectory && !target.isDirectory) throw fail('ENOTDIR')
  if (!source.isDirectory && target.isDirectory) throw fail('EISDIR')
}

async function renameRequest(
  k: Kernel,
  caller: Caller,
  from: Parent,
  to: Parent,
  flags: number,
): Promise<void> {
  const names = [from.name, to.name]
  const newDirectory = to.directory.nodeid
  if (flags === 0) {
    const fill = (u: Uint32Array, op: number): void => abi.setRenameIn_newdir(u, op, newDirectory)
    await k.request(from.directory, { opcode: Op.RENAME, names, fill, caller })
    return
  }
  const fill = (u: Uint32Array, op: number): void => {
    abi.setRename2In_newdir(u, op, newDirectory)
    abi.setRename2In_flags(u, op, flags)
  }
  const reply = await k.optional(from.directory, { opcode: Op.RENAME2, names, fill, caller })
  if (reply === undefined) throw fail('EINVAL')
}

/** Moves the cached names as the filesystem moved its own. */
function moved(
  k: Kernel,
  from: Parent,
  to: Parent,
  source: Inode,
  target: Inode | null,
  flags: number,
): void {
  const until = from.directory.children.get(from.name)?.until ?? Number.NEGATIVE_INFINITY
  const targetUntil = to.directory.children.get(to.name)?.until ?? Number.NEGATIVE_INFINITY
  if ((flags & RENAME_FLAG.EXCHANGE) !== 0) {
    k.exchange(from.directory, from.name, source, targetUntil, to.directory, to.name, target!, until)
  } else k.move(from.directory, from.name, source, until, to.directory, to.name)
  for (const directory of [from.directory, to.directory]) directoryChanged(k, directory)
  for (const inode of [source, target]) {
    inode?.expire()
    if (inode !== null) k.attributesChanged(inode)
  }
}
