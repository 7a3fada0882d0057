/** Extended attributes in which POSIX ACLs travel. */
export const ACCESS_ACL = 'system.posix_acl_access'
export const DEFAULT_ACL = 'system.posix_acl_default'

/*
 * The format of linux/posix_acl_xattr.h: a 32-bit version, then entries of tag (16 bits), permissions (16) and
 * id (32), all little-endian, sorted by tag and id.
 */
const VERSION = 2
const HEADER_BYTES = 4
const ENTRY_BYTES = 8

const USER_OBJ = 0x01
const USER = 0x02
const GROUP_OBJ = 0x04
const GROUP = 0x08
const MASK = 0x10
const OTHER = 0x20

/** The permissions that stand for the mode's nine bits: offsets of their entries in the bytes. */
interface ModeEntries {
  owner: number
  /** The mask where there is one, else the owning group: what the group bits of the mode mean. */
  group: number
  other: number
  /** True when the mode's nine bits say everything that the ACL says. */
  minimal: boolean
}

const viewOf = (acl: Uint8Array): DataView => new DataView(acl.buffer, acl.byteOffset, acl.byteLength)

/** True when the ACL holds nobody's permissions: setting it means to remove the one there is. */
export const isEmptyAcl = (acl: Uint8Array): boolean => acl.length <= HEADER_BYTES

/** True for a well-formed ACL: the three entries of the mode, a mask when someone is named, in the order of the tags. */
export function isValidAcl(acl: Uint8Array): boolean {
  if (acl.length < HEADER_BYTES || (acl.length - HEADER_BYTES) % ENTRY_BYTES !== 0) return false
  const view = viewOf(acl)
  if (view.getUint32(0, true) !== VERSION) return false
  let seen = 0
  let lastTag = 0
  for (let at = HEADER_BYTES; at < acl.length; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true)
    const named = tag === USER || tag === GROUP
    if (![USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER].includes(tag)) return false
    if (view.getUint16(at + 2, true) > 7 || tag < lastTag) return false
    if (tag === lastTag && !named) return false
    seen |= tag
    lastTag = tag
  }
  const needed = USER_OBJ | GROUP_OBJ | OTHER | ((seen & (USER | GROUP)) !== 0 ? MASK : 0)
  return (seen & needed) === needed
}

function modeEntries(view: DataView): ModeEntries {
  const found: ModeEntries = { owner: 0, group: 0, other: 0, minimal: true }
  let mask = 0
  for (let at = HEADER_BYTES; at < view.byteLength; at += ENTRY_BYTES) {
    const tag = view.getUint16(at, true)
    if (tag === USER_OBJ) found.owner = at + 2
    else if (tag === GROUP_OBJ) found.group = at + 2
    else if (tag === OTHER) found.other = at + 2
    else found.minimal = false
    if (tag === MASK) mask = at + 2
  }
  if (mask !== 0) found.group = mask
  return found
}

/** The nine mode bits that an ACL stands for, and whether they say it all (then there is no need to keep it). */
export function modeOfAcl(acl: Uint8Array): { bits: number; minimal: boolean } {
  const view = viewOf(acl)
  const { owner, group, other, minimal } = modeEntries(view)
  const bits =
    (view.getUint16(owner, true) << 6) | (view.getUint16(group, true) << 3) | view.getUint16(other, true)
  return { bits, minimal }
}

/** The ACL after chmod(2) to these mode bits. */
export function chmodAcl(acl: Uint8Array, mode: number): Uint8Array {
  const changed = new Uint8Array(acl)
  const view = viewOf(changed)
  const { owner, group, other } = modeEntries(view)
  view.setUint16(owner, (mode >> 6) & 7, true)
  view.setUint16(group, (mode >> 3) & 7, true)
  view.setUint16(other, mode & 7, true)
  return changed
}

/**
 * What a new node gets from its directory's default ACL: the ACL cut down to the mode that its maker asked for, and
 * the mode cut down to the ACL. The umask has no say then (acl(5), "object creation and default ACLs").
 */
export function inheritAcl(defaults: Uint8Array, mode: number): { mode: number; acl: Uint8Array | null } {
  const acl = new Uint8Array(defaults)
  const view = viewOf(acl)
  const { owner, group, other, minimal } = modeEntries(view)
  view.setUint16(owner, view.getUint16(owner, true) & (mode >> 6), true)
  view.setUint16(group, view.getUint16(group, true) & (mode >> 3), true)
  view.setUint16(other, view.getUint16(other, true) & mode, true)
  return { mode: (mode & ~0o777) | modeOfAcl(acl).bits, acl: minimal ? null : acl }
}
