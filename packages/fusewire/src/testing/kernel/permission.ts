import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { accessByAcl } from './acl.js'
import { refreshAttributes } from './attributes.js'
import { type Caller, inGroup, isPrivileged } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'

/** Bits of an access mask, as access(2) has them. */
export const MAY = { EXEC: 1, WRITE: 2, READ: 4 } as const

/** `generic_permission`: whether the attributes (and the ACL) allow it. */
async function allowed(k: Kernel, caller: Caller, inode: Inode, mask: number): Promise<boolean> {
  const { mode, uid, gid } = inode.attr
  if (isPrivileged(caller)) {
    return inode.isDirectory || (mask & MAY.EXEC) === 0 || (mode & 0o111) !== 0
  }
  if (caller.uid === uid) return ((mode >> 6) & mask) === mask
  if (k.has('POSIX_ACL') && (mode & 0o070) !== 0) {
    const byAcl = await accessByAcl(k, caller, inode, mask)
    if (byAcl !== null) return byAcl
  }
  return ((inGroup(caller, gid) ? mode >> 3 : mode) & mask & 7) === mask
}

/** Refuses with EACCES where the kernel itself checks (`default_permissions`). */
export async function permit(k: Kernel, caller: Caller, inode: Inode, mask: number): Promise<void> {
  if (!k.checksPermissions) return
  const fresh = await refreshAttributes(k, caller, inode)
  if (await allowed(k, caller, inode, mask)) return
  if (!fresh) {
    inode.expire()
    await refreshAttributes(k, caller, inode)
    if (await allowed(k, caller, inode, mask)) return
  }
  throw fail('EACCES', 'permission denied')
}

/** Walking through a directory. */
export async function mayEnter(k: Kernel, caller: Caller, directory: Inode): Promise<void> {
  if (!directory.isDirectory) throw fail('ENOTDIR')
  await permit(k, caller, directory, MAY.EXEC)
}

/** access(2): the filesystem is asked when the kernel does not check by itself. */
export async function access(k: Kernel, caller: Caller, inode: Inode, mask: number): Promise<void> {
  if (mask === 0) return
  if (k.checksPermissions) return permit(k, caller, inode, mask)
  const fill = (u: Uint32Array, op: number): void => abi.setAccessIn_mask(u, op, mask)
  await k.optional(inode, { opcode: Op.ACCESS, fill, caller })
}

/** Making a name. */
export const mayCreate = (k: Kernel, caller: Caller, directory: Inode): Promise<void> =>
  permit(k, caller, directory, MAY.WRITE | MAY.EXEC)

/** Removing or replacing a name: `may_delete`, with the sticky bit. */
export async function mayDelete(k: Kernel, caller: Caller, directory: Inode, victim: Inode): Promise<void> {
  await permit(k, caller, directory, MAY.WRITE | MAY.EXEC)
  const sticky = (directory.attr.mode & 0o1000) !== 0
  if (!sticky || isPrivileged(caller)) return
  if (victim.attr.uid !== caller.uid && directory.attr.uid !== caller.uid)
    throw fail('EPERM', 'the directory is sticky')
}
