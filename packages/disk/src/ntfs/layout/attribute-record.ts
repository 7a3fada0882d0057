import { corrupt } from '../../error.js'
import { Attribute, attributeTypeName } from './attribute.js'
import { align8, i64, setU16, setU32, setU64, setUtf16, u16, u32, u64, utf16 } from './bytes.js'
import {
  encodeMappingPairs,
  type MappingLimits,
  type MappingPairs,
  mappingPairsSize,
  readMappingPairs,
} from './mapping-pairs.js'
import { Runlist } from './runlist.js'

/** Bytes before the name: of a resident attribute, of a non-resident one, and of one with the real allocation. */
const RESIDENT_HEADER = 0x18
const NONRESIDENT_HEADER = 0x40
const SPARSE_HEADER = 0x48

/** One attribute record: a whole attribute, or one extent of a non-resident one (`lowestVcn` says from where). */
export interface AttributeExtent {
  readonly attribute: Attribute
  readonly lowestVcn: number
  /** The record's bytes to the next one. */
  readonly length: number
}

function readName(b: Uint8Array, o: number, length: number, position: number): string {
  const units = b[o + 9] as number
  if (units === 0) return ''
  const offset = u16(b, o + 0x0a)
  if (offset < RESIDENT_HEADER - 8 || offset + 2 * units > length) {
    throw corrupt('name of an attribute', position + o + 0x0a, 'a name inside of the attribute', offset)
  }
  return utf16(b, o + offset, units)
}

function readResident(b: Uint8Array, o: number, length: number, name: string, position: number): Attribute {
  const valueLength = u32(b, o + 0x10)
  const valueOffset = u16(b, o + 0x14)
  if (valueOffset < RESIDENT_HEADER || valueOffset + valueLength > length) {
    throw corrupt(
      'value of a resident attribute',
      position + o + 0x10,
      `a value inside of ${length} bytes`,
      valueLength,
    )
  }
  const value = b.slice(o + valueOffset, o + valueOffset + valueLength)
  const attribute = new Attribute(u32(b, o), name, value)
  attribute.indexed = b[o + 0x16] as number
  return attribute
}

function readSizes(
  b: Uint8Array,
  o: number,
  attribute: Attribute,
  limits: MappingLimits,
  position: number,
): void {
  const allocated = u64(b, o + 0x28)
  const size = u64(b, o + 0x30)
  const initialized = u64(b, o + 0x38)
  const what = `of ${attributeTypeName(attribute.type)}`
  if (!(allocated <= Number.MAX_SAFE_INTEGER)) {
    throw corrupt(`allocated size ${what}`, position + o + 0x28, 'at most 2^53 - 1', allocated)
  }
  if (!(size <= allocated))
    throw corrupt(`data size ${what}`, position + o + 0x30, `at most ${allocated}`, size)
  if (!(initialized <= size)) {
    throw corrupt(`initialized size ${what}`, position + o + 0x38, `at most ${size}`, initialized)
  }
  const unit = b[o + 0x22] as number
  if (unit > 8 || 2 ** unit > limits.clustersMax) {
    throw corrupt(`compression unit ${what}`, position + o + 0x22, '0..8', unit)
  }
  attribute.allocatedSize = allocated
  attribute.dataSize = size
  attribute.initializedSize = initialized
  attribute.compressionUnit = unit
}

/**
 * Reads the attribute record at `b[o]`.
 *
 * @param end used bytes of the MFT record.
 * @param position byte position of `b[0]` on the volume, for errors.
 */
export function readAttribute(
  b: Uint8Array,
  o: number,
  end: number,
  limits: MappingLimits,
  position: number,
): AttributeExtent {
  const length = o + 8 <= end ? u32(b, o + 4) : 0
  const resident = b[o + 8] === 0
  const least = resident ? RESIDENT_HEADER : NONRESIDENT_HEADER
  if (length < least || length % 8 !== 0 || o + length > end) {
    throw corrupt(
      'length of an attribute',
      position + o + 4,
      `a multiple of 8 in ${least}..${end - o}`,
      length,
    )
  }
  const name = readName(b, o, length, position)
  let attribute: Attribute
  let lowestVcn = 0
  if (resident) attribute = readResident(b, o, length, name, position)
  else {
    attribute = new Attribute(u32(b, o), name, null)
    attribute.flags = u16(b, o + 0x0c)
    lowestVcn = u64(b, o + 0x10)
    const highestVcn = i64(b, o + 0x18)
    const pairs = u16(b, o + 0x20)
    if (pairs < NONRESIDENT_HEADER || pairs > length) {
      throw corrupt(
        'offset of the mapping pairs',
        position + o + 0x20,
        `${NONRESIDENT_HEADER}..${length}`,
        pairs,
      )
    }
    const runs = new Runlist()
    readMappingPairs(b, o + pairs, o + length, runs, limits, position)
    if (lowestVcn + runs.clusters !== highestVcn + 1) {
      throw corrupt(
        'highest VCN of an attribute',
        position + o + 0x18,
        lowestVcn + runs.clusters - 1,
        highestVcn,
      )
    }
    attribute.runs = runs
    if (lowestVcn === 0) readSizes(b, o, attribute, limits, position)
  }
  attribute.flags = u16(b, o + 0x0c)
  attribute.instance = u16(b, o + 0x0e)
  return { attribute, lowestVcn, length }
}

/** Bytes before the value or the mapping pairs, and the name with its padding. */
function headerSize(attribute: Attribute, first: boolean): number {
  const name = attribute.name.length * 2
  if (attribute.resident) return align8(RESIDENT_HEADER + name)
  // Only the first extent has the real allocation, and only when holes make it differ from the allocated size.
  const wide = first && (attribute.compressed || attribute.sparse)
  return align8((wide ? SPARSE_HEADER : NONRESIDENT_HEADER) + name)
}

/** Bytes of a resident attribute record. */
export function residentSize(attribute: Attribute): number {
  return align8(headerSize(attribute, true) + (attribute.value?.length ?? 0))
}

/** Bytes of an attribute record that holds the whole attribute; only "too many" when above `most`. */
export function attributeSize(attribute: Attribute, most: number): number {
  if (attribute.runs === null) return residentSize(attribute)
  return align8(headerSize(attribute, true) + mappingPairsSize(attribute.runs, most))
}

/** Least bytes of an extent that is worth a record of its own: its header and room for a few pairs. */
export function extentSizeMin(attribute: Attribute): number {
  return headerSize(attribute, true) + 24
}

function encodeHeader(b: Uint8Array, attribute: Attribute, nameOffset: number): void {
  setU32(b, 0, attribute.type)
  setU32(b, 4, b.length)
  b[8] = attribute.resident ? 0 : 1
  b[9] = attribute.name.length
  setU16(b, 0x0a, nameOffset)
  setU16(b, 0x0c, attribute.flags)
  setU16(b, 0x0e, attribute.instance)
  setUtf16(b, nameOffset, attribute.name)
}

/** The record of a resident attribute. */
export function encodeResident(attribute: Attribute): Uint8Array {
  const value = attribute.value as Uint8Array
  const b = new Uint8Array(residentSize(attribute))
  encodeHeader(b, attribute, RESIDENT_HEADER)
  const offset = headerSize(attribute, true)
  setU32(b, 0x10, value.length)
  setU16(b, 0x14, offset)
  b[0x16] = attribute.indexed
  b.set(value, offset)
  return b
}

/** An encoded extent and the VCN at which the next one starts. */
export interface EncodedExtent {
  readonly bytes: Uint8Array
  readonly nextVcn: number
}

/**
 * The record of a non-resident attribute from `vcn` on, in at most `room` bytes.
 *
 * @param allocated bytes that lie on the disk, for the first extent of a sparse or compressed attribute.
 */
export function encodeExtent(
  attribute: Attribute,
  vcn: number,
  room: number,
  clusterSize: number,
): EncodedExtent {
  const runs = attribute.runs as Runlist
  const first = vcn === 0
  const offset = headerSize(attribute, first)
  const pairs: MappingPairs = encodeMappingPairs(runs, vcn, Math.floor(room / 8) * 8 - offset)
  const b = new Uint8Array(align8(offset + pairs.bytes.length))
  const wide = first && (attribute.compressed || attribute.sparse)
  encodeHeader(b, attribute, wide ? SPARSE_HEADER : NONRESIDENT_HEADER)
  setU64(b, 0x10, vcn)
  setU64(b, 0x18, pairs.nextVcn - 1)
  setU16(b, 0x20, offset)
  b[0x22] = attribute.compressionUnit
  if (first) {
    setU64(b, 0x28, attribute.allocatedSize)
    setU64(b, 0x30, attribute.dataSize)
    setU64(b, 0x38, attribute.initializedSize)
    if (wide) setU64(b, 0x40, runs.allocated * clusterSize)
  }
  b.set(pairs.bytes, offset)
  return { bytes: b, nextVcn: pairs.nextVcn }
}
