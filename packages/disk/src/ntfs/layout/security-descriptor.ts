import { setU16, setU32, u32 } from './bytes.js'

/** A security identifier in its binary form: revision 1, authority, sub-authorities. */
export function encodeSid(authority: number, ...subAuthorities: number[]): Uint8Array {
  const b = new Uint8Array(8 + 4 * subAuthorities.length)
  b[0] = 1
  b[1] = subAuthorities.length
  b[7] = authority
  subAuthorities.forEach((value, index) => {
    setU32(b, 8 + 4 * index, value)
  })
  return b
}

export const Sid = {
  EVERYONE: encodeSid(1, 0),
  AUTHENTICATED_USERS: encodeSid(5, 11),
  SYSTEM: encodeSid(5, 18),
  ADMINISTRATORS: encodeSid(5, 32, 544),
  USERS: encodeSid(5, 32, 545),
} as const

/** An entry of an access control list that allows something. */
export interface AllowedAce {
  readonly sid: Uint8Array
  readonly mask: number
  /** Inheritance: 1 by files, 2 by directories, 8 only by what is below. */
  readonly flags: number
}

function encodeAce(ace: AllowedAce): Uint8Array {
  const b = new Uint8Array(8 + ace.sid.length)
  b[1] = ace.flags
  setU16(b, 2, b.length)
  setU32(b, 4, ace.mask)
  b.set(ace.sid, 8)
  return b
}

/** Flags of a self-relative descriptor with an access list. */
const SELF_RELATIVE_DACL = 0x8004

/**
 * A self-relative security descriptor: header, then the access list, the owner and the group.
 *
 * @param size bytes of the result when the format wants more than the parts take; the rest is zeros.
 */
export function encodeSecurityDescriptor(
  owner: Uint8Array,
  group: Uint8Array,
  aces: readonly AllowedAce[],
  size = 0,
): Uint8Array {
  const encoded = aces.map(encodeAce)
  const aclSize = encoded.reduce((sum, ace) => sum + ace.length, 8)
  const used = 0x14 + aclSize + owner.length + group.length
  const b = new Uint8Array(Math.max(size, used))
  b[0] = 1
  setU16(b, 2, SELF_RELATIVE_DACL)
  setU32(b, 4, 0x14 + aclSize)
  setU32(b, 8, 0x14 + aclSize + owner.length)
  setU32(b, 0x10, 0x14)
  b[0x14] = 2
  setU16(b, 0x16, aclSize)
  setU16(b, 0x18, aces.length)
  let o = 0x1c
  for (const ace of encoded) {
    b.set(ace, o)
    o += ace.length
  }
  b.set(owner, o)
  b.set(group, o + owner.length)
  return b
}

/** Everything for everybody, inherited: what NTFS-3G gives to new files. */
export function openDescriptor(): Uint8Array {
  return encodeSecurityDescriptor(Sid.ADMINISTRATORS, Sid.ADMINISTRATORS, [
    { sid: Sid.EVERYONE, mask: 0x1f_01ff, flags: 3 },
  ])
}

/** The hash by which $SDH finds equal descriptors. */
export function securityHash(descriptor: Uint8Array): number {
  let hash = 0
  for (let o = 0; o + 4 <= descriptor.length; o += 4) {
    hash = (u32(descriptor, o) + ((hash << 3) | (hash >>> 29))) >>> 0
  }
  return hash
}
