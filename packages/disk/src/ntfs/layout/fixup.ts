import { corrupt } from '../../error.js'
import { setU16, u16 } from './bytes.js'

/**
 * Update sequences ("fixups") of FILE and INDX records: the last two bytes of every 512 bytes hold one sequence
 * number on the disk, and the true bytes stand in the array behind that number. A torn write leaves two numbers.
 * The stride is 512 on disks with 4096-byte sectors too.
 */
const STRIDE = 512

/** Offset of the array's position and of its count in every multi-sector record. */
const USA_OFFSET = 4
const USA_COUNT = 6

/** Words of the update sequence of a record: the number and one word per stride. */
export function fixupCount(bytes: number): number {
  return Math.floor(bytes / STRIDE) + 1
}

/**
 * Puts the true bytes back, in place.
 *
 * @param position byte position of the record, for the error only.
 * @returns the sequence number that was on the disk.
 */
export function removeFixups(record: Uint8Array, position: number, what: string): number {
  const offset = u16(record, USA_OFFSET)
  const count = u16(record, USA_COUNT)
  const expected = fixupCount(record.length)
  if (count !== expected) {
    throw corrupt(`update sequence count of ${what}`, position + USA_COUNT, expected, count)
  }
  if (offset % 2 !== 0 || offset < 8 || offset + 2 * count > STRIDE - 2) {
    throw corrupt(
      `update sequence offset of ${what}`,
      position + USA_OFFSET,
      'within the first sector',
      offset,
    )
  }
  const number = u16(record, offset)
  for (let i = 1; i < count; i++) {
    const end = i * STRIDE - 2
    const found = u16(record, end)
    if (found !== number)
      throw corrupt(`update sequence of ${what} (torn write)`, position + end, number, found)
    setU16(record, end, u16(record, offset + 2 * i))
  }
  return number
}

/** Next sequence number: 0 and 0xffff are never used, as Windows does. */
export function nextFixup(number: number): number {
  return number >= 0xfffe ? 1 : number + 1
}

/** Writes the array's place, the number, and the protected form, in place. */
export function applyFixups(record: Uint8Array, offset: number, number: number): void {
  const count = fixupCount(record.length)
  setU16(record, USA_OFFSET, offset)
  setU16(record, USA_COUNT, count)
  setU16(record, offset, number)
  for (let i = 1; i < count; i++) {
    const end = i * STRIDE - 2
    setU16(record, offset + 2 * i, u16(record, end))
    setU16(record, end, number)
  }
}
