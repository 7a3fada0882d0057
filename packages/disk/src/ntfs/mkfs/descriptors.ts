import { type AllowedAce, encodeSecurityDescriptor, Sid } from '../layout/security-descriptor.js'

const FULL = 0x1f_01ff
const MODIFY = 0x13_01bf
const READ_EXECUTE = 0x12_00a9
const READ_WRITE = 0x12_019f
const READ = 0x12_0089
/** Generic rights, for what is created below. */
const GENERIC_ALL = 0x1000_0000
const GENERIC_MODIFY = 0xe001_0000
const GENERIC_READ_EXECUTE = 0xa000_0000
/** Inherited by files and directories, without effect on the directory itself. */
const INHERIT_ONLY = 0x0b

/** Bytes of the root's descriptor on volumes of Windows and mkntfs; the parts take less. */
const ROOT_DESCRIPTOR_SIZE = 4140

function forSystem(mask: number): Uint8Array {
  return encodeSecurityDescriptor(Sid.ADMINISTRATORS, Sid.ADMINISTRATORS, [
    { sid: Sid.SYSTEM, mask, flags: 0 },
    { sid: Sid.ADMINISTRATORS, mask, flags: 0 },
  ])
}

/** The descriptors that $Secure starts with: ids 256 (read) and 257 (read and write) for the volume's own files. */
export function systemDescriptors(): readonly Uint8Array[] {
  return [forSystem(READ), forSystem(READ_WRITE)]
}

/** The root's: administrators everything, authenticated users modify, users read. */
export function rootDescriptor(): Uint8Array {
  const rights: [Uint8Array, number, number][] = [
    [Sid.ADMINISTRATORS, FULL, GENERIC_ALL],
    [Sid.SYSTEM, FULL, GENERIC_ALL],
    [Sid.AUTHENTICATED_USERS, MODIFY, GENERIC_MODIFY],
    [Sid.USERS, READ_EXECUTE, GENERIC_READ_EXECUTE],
  ]
  const aces: AllowedAce[] = rights.flatMap(([sid, mask, generic]) => [
    { sid, mask, flags: 0 },
    { sid, mask: generic, flags: INHERIT_ONLY },
  ])
  return encodeSecurityDescriptor(Sid.SYSTEM, Sid.SYSTEM, aces, ROOT_DESCRIPTOR_SIZE)
}
