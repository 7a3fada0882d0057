import { type Caller, inGroup } from './caller.js'
import { SystemError } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import { getXattr } from './xattr.js'

/** Tags of an ACL entry (linux/posix_acl.h). */
const TAG = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 0x10, OTHER: 0x20 } as const
/** Header of the extended attribute: a version, 2 (linux/posix_acl_xattr.h). */
const HEADER = 4
const ENTRY = 8

interface AclEntry {
  readonly tag: number
  readonly permission: number
  readonly id: number
}

/** Reads `system.posix_acl_access`; empty when it is none. */
function parseAcl(value: Buffer): AclEntry[] {
  const entries: AclEntry[] = []
  for (let at = HEADER; at + ENTRY <= value.length; at += ENTRY) {
    entries.push({
      tag: value.readUInt16LE(at),
      permission: value.readUInt16LE(at + 2),
      id: value.readUInt32LE(at + 4),
    })
  }
  return entries
}

/** `posix_acl_permission`: null when the node has no ACL, so that the mode decides. */
export async function accessByAcl(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  mask: number,
): Promise<boolean | null> {
  let value: Buffer
  try {
    value = await getXattr(k, caller, inode, 'system.posix_acl_access')
  } catch (thrown) {
    if (thrown instanceof SystemError) return null
    throw thrown
  }
  const acl = parseAcl(value)
  const limit = acl.find((entry) => entry.tag === TAG.MASK)?.permission ?? 7
  const allows = (permission: number): boolean => (permission & mask) === mask
  const user = acl.find((entry) => entry.tag === TAG.USER && entry.id === caller.uid)
  if (user !== undefined) return allows(user.permission & limit)
  const groups = acl.filter(
    ({ tag, id }) =>
      (tag === TAG.GROUP_OBJ && inGroup(caller, inode.attr.gid)) ||
      (tag === TAG.GROUP && inGroup(caller, id)),
  )
  if (groups.length > 0) return groups.some((group) => allows(group.permission & limit))
  const other = acl.find((entry) => entry.tag === TAG.OTHER)
  return other === undefined ? null : allows(other.permission)
}
