import { u16, u32 } from '../layout/bytes.js'
import { compareName, nameOf } from '../layout/file-name.js'
import { fold } from '../layout/upcase.js'

/** Collation rules of $INDEX_ROOT. */
export const CollationRule = {
  BINARY: 0x00,
  FILE_NAME: 0x01,
  ULONG: 0x10,
  SID: 0x11,
  SECURITY_HASH: 0x12,
  ULONGS: 0x13,
} as const

/** Bytes of an index entry before its key. */
export const ENTRY_HEADER = 16

/** Sign of (searched key - key of this entry): below 0 when the searched key comes first. */
export type Order = (entry: Uint8Array) => number

/** The order of an index: makes from an entry the function that compares it with others. */
export type Collation = (entry: Uint8Array) => Order

function keyLength(entry: Uint8Array): number {
  return u16(entry, 0x0a)
}

/** Order of a name in a directory. */
export function byName(name: string, upcase: Uint16Array): Order {
  const folded = fold(name, upcase)
  return (entry) => compareName(name, folded, entry, ENTRY_HEADER, upcase)
}

function fileNames(upcase: Uint16Array): Collation {
  return (entry) => byName(nameOf(entry, ENTRY_HEADER), upcase)
}

/** Arrays of u32, the first that differs decides; the shorter comes first. One u32 is the array of one. */
const ulongs: Collation = (a) => (b) => {
  const shared = Math.min(keyLength(a), keyLength(b))
  for (let o = 0; o + 4 <= shared; o += 4) {
    const difference = u32(a, ENTRY_HEADER + o) - u32(b, ENTRY_HEADER + o)
    if (difference !== 0) return difference
  }
  return keyLength(a) - keyLength(b)
}

/** Bytes, as SIDs are compared: the first that differs decides. */
const bytes: Collation = (a) => (b) => {
  const shared = Math.min(keyLength(a), keyLength(b))
  for (let o = 0; o < shared; o++) {
    const difference = (a[ENTRY_HEADER + o] as number) - (b[ENTRY_HEADER + o] as number)
    if (difference !== 0) return difference
  }
  return keyLength(a) - keyLength(b)
}

/** The order that a rule demands, or null for an unknown rule. */
export function collationOf(rule: number, upcase: Uint16Array): Collation | null {
  switch (rule) {
    case CollationRule.FILE_NAME:
      return fileNames(upcase)
    case CollationRule.ULONG:
    case CollationRule.SECURITY_HASH:
    case CollationRule.ULONGS:
      return ulongs
    case CollationRule.SID:
    case CollationRule.BINARY:
      return bytes
    default:
      return null
  }
}
