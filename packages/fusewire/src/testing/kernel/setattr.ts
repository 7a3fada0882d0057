import { FATTR } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { invalidAttr, readAttr } from './attr.js'
import { checked, type HandleOf, refreshAttributes } from './attributes.js'
import { type Caller, inGroup, isPrivileged } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import { MAY, permit } from './permission.js'

/** A change of attributes; what is undefined stays. Times are nanoseconds, or 'now'. */
export interface Change {
  mode?: number
  uid?: number
  gid?: number
  size?: number
  atime?: bigint | 'now'
  mtime?: bigint | 'now'
}

/** `setattr_prepare`: who may. */
async function mayChange(k: Kernel, caller: Caller, inode: Inode, change: Change): Promise<void> {
  if (!k.checksPermissions) return
  await refreshAttributes(k, caller, inode)
  const owner = isPrivileged(caller) || caller.uid === inode.attr.uid
  if (change.uid !== undefined && !isPrivileged(caller)) {
    if (!owner || change.uid !== inode.attr.uid) throw fail('EPERM')
  }
  if (change.gid !== undefined && !isPrivileged(caller)) {
    if (!owner || !(inGroup(caller, change.gid) || change.gid === inode.attr.gid)) throw fail('EPERM')
  }
  if (change.mode !== undefined) {
    if (!owner) throw fail('EPERM')
    const gid = change.gid ?? inode.attr.gid
    if (!isPrivileged(caller) && !inGroup(caller, gid)) change.mode &= ~0o2000
  }
  if ((change.atime !== undefined || change.mtime !== undefined) && change.size === undefined && !owner) {
    if (change.atime !== 'now' || change.mtime !== 'now') throw fail('EPERM')
    await permit(k, caller, inode, MAY.WRITE)
  }
}

/** chmod(2), chown(2), truncate(2), utimensat(2): `fuse_do_setattr`. */
export async function setattr(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  change: Change,
  file?: HandleOf,
): Promise<void> {
  return inode.lock.exclusive(() => setattrLocked(k, caller, inode, change, file))
}

export async function setattrLocked(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  change: Change,
  file?: HandleOf,
): Promise<void> {
  await mayChange(k, caller, inode, change)
  const kill = killsPrivilege(k, caller, inode, change)
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => fillSetattr(u, op, change, kill, file)
  const { words, body } = await k.request(inode, { opcode: Op.SETATTR, fill, caller })
  const at = body + abi.ATTR_OUT_ATTR_WORD
  const attr = checked(k, inode, Op.SETATTR, invalidAttr(words, at), () => readAttr(words, at))
  if (change.size !== undefined) inode.pages.truncate(change.size)
  const until = k.until(abi.attrOut_attrValid(words, body), abi.attrOut_attrValidNsec(words, body))
  k.changeAttributes(inode, attr, until, Math.max(moment, inode.attrVersion))
}

/** A chown or truncate by somebody without CAP_FSETID takes the set-id bits (HANDLE_KILLPRIV_V2). */
function killsPrivilege(k: Kernel, caller: Caller, inode: Inode, change: Change): boolean {
  if (!k.has('HANDLE_KILLPRIV_V2') || inode.isDirectory) return false
  if (change.uid !== undefined || change.gid !== undefined) return change.mode === undefined
  return change.size !== undefined && !isPrivileged(caller)
}

function fillSetattr(u: Uint32Array, op: number, change: Change, kill: boolean, file?: HandleOf): void {
  let valid = kill ? FATTR.KILL_SUIDGID : 0
  if (change.mode !== undefined) {
    valid |= FATTR.MODE
    abi.setSetattrIn_mode(u, op, change.mode)
  }
  if (change.uid !== undefined) {
    valid |= FATTR.UID
    abi.setSetattrIn_uid(u, op, change.uid)
  }
  if (change.gid !== undefined) {
    valid |= FATTR.GID
    abi.setSetattrIn_gid(u, op, change.gid)
  }
  if (change.size !== undefined) {
    valid |= FATTR.SIZE | FATTR.LOCKOWNER
    abi.setSetattrIn_size(u, op, change.size)
  }
  if (change.atime === 'now') valid |= FATTR.ATIME | FATTR.ATIME_NOW
  else if (change.atime !== undefined) {
    valid |= FATTR.ATIME
    const [seconds, nanoseconds] = split(change.atime)
    abi.setSetattrIn_atime(u, op, seconds)
    abi.setSetattrIn_atimensec(u, op, nanoseconds)
  }
  if (change.mtime === 'now') valid |= FATTR.MTIME | FATTR.MTIME_NOW
  else if (change.mtime !== undefined) {
    valid |= FATTR.MTIME
    const [seconds, nanoseconds] = split(change.mtime)
    abi.setSetattrIn_mtime(u, op, seconds)
    abi.setSetattrIn_mtimensec(u, op, nanoseconds)
  }
  if (file !== undefined) {
    valid |= FATTR.FH
    abi.setSetattrIn_fh(u, op, file.handle)
  }
  abi.setSetattrIn_valid(u, op, valid)
}

/** Seconds and nanoseconds of a time; the nanoseconds are never negative. */
function split(time: bigint): [number, number] {
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return [Number((time - nanoseconds) / 1_000_000_000n), Number(nanoseconds)]
}
