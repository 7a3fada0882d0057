import { corrupt } from '../../error.js'
import { align8, setU16, setU32, setU64, setUtf16, u16, u32, u64, utf16 } from './bytes.js'
import { type Reference, readReference, writeReference } from './reference.js'

/** Says in which MFT record an attribute, or an extent of one, stands. */
export interface ListEntry {
  readonly type: number
  readonly name: string
  readonly lowestVcn: number
  readonly record: Reference
  readonly instance: number
}

const NAME_OFFSET = 0x1a

/** Windows holds the whole list in one cache view of 256 KiB and refuses a larger one. */
export const ATTRIBUTE_LIST_MAX = 256 * 1024

export function readAttributeList(b: Uint8Array, position: number): ListEntry[] {
  const entries: ListEntry[] = []
  for (let o = 0; o + NAME_OFFSET <= b.length; ) {
    const length = u16(b, o + 4)
    const units = b[o + 6] as number
    const nameOffset = b[o + 7] as number
    const badName = units > 0 && (nameOffset < NAME_OFFSET || nameOffset + 2 * units > length)
    if (length < NAME_OFFSET || length % 8 !== 0 || o + length > b.length || badName) {
      throw corrupt(
        'length of an attribute list entry',
        position + o + 4,
        'an entry inside of the list',
        length,
      )
    }
    entries.push({
      type: u32(b, o),
      name: utf16(b, o + nameOffset, units),
      lowestVcn: u64(b, o + 8),
      record: readReference(b, o + 0x10),
      instance: u16(b, o + 0x18),
    })
    o += length
  }
  return entries
}

/** Bytes of an entry. */
export function listEntrySize(name: string): number {
  return align8(NAME_OFFSET + 2 * name.length)
}

export function encodeAttributeList(entries: readonly ListEntry[]): Uint8Array {
  let size = 0
  for (const entry of entries) size += listEntrySize(entry.name)
  const b = new Uint8Array(size)
  let o = 0
  for (const entry of entries) {
    const length = listEntrySize(entry.name)
    setU32(b, o, entry.type)
    setU16(b, o + 4, length)
    b[o + 6] = entry.name.length
    b[o + 7] = NAME_OFFSET
    setU64(b, o + 8, entry.lowestVcn)
    writeReference(b, o + 0x10, entry.record)
    setU16(b, o + 0x18, entry.instance)
    setUtf16(b, o + NAME_OFFSET, entry.name)
    o += length
  }
  return b
}
