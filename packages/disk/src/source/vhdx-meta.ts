import { ascii, guidText, isZero, le16, le32, le64 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { crc32c } from './crc32c.js'
import { type BlockSource, readBytesSync } from './source.js'

/** Positions and sizes of [MS-VHDX] 2.2: header area. */
const HEADERS = [0x10000, 0x20000]
const REGION_TABLES = [0x30000, 0x40000]
const MIB = 1 << 20

const REGION = {
  bat: '2DC27766-F623-4200-9D64-115E9BFD4A08',
  metadata: '8B7CA206-4790-4B9A-B8FE-575F050F886E',
}
const ITEM = {
  parameters: 'CAA16737-FA36-4D43-B3B6-33F0AA44E76B',
  size: '2FA54224-CD1B-4876-B211-5DBED83BF4B8',
  logicalSector: '8141BF1D-A96F-4709-BA47-F233A8FAAB5F',
}
/** Items a reader must know besides those it needs: page 83 data, physical sector size, parent locator. */
const OTHER_ITEMS = [
  'BECA12AB-B2E6-4523-93EF-C309E000C746',
  'CDA348C7-445D-4471-9CC9-E9885251C556',
  'A8D35F2D-B30B-454D-ABF7-D3D84834AB0C',
]

export interface VhdxHeader {
  position: number
  sequence: number
  /** Identity of the log whose entries are to be replayed, null when the file was closed cleanly. */
  logGuid: string | null
  logOffset: number
  logLength: number
}

export interface VhdxRegion {
  offset: number
  length: number
}

export interface VhdxMetadata {
  blockSize: number
  hasParent: boolean
  /** Bytes of the virtual disk. */
  size: number
  logicalSector: number
}

export function isVhdx(file: BlockSource): boolean {
  return file.size >= 8 && ascii(readBytesSync(file, 0, 8), 0, 8) === 'vhdxfile'
}

/** The current header: of the two, the valid one with the higher sequence number. */
export function readVhdxHeader(file: BlockSource): VhdxHeader {
  let best: VhdxHeader | null = null
  for (const position of HEADERS) {
    if (position + 4096 > file.size) continue
    const bytes = readBytesSync(file, position, 4096)
    if (ascii(bytes, 0, 4) !== 'head' || crc32c(bytes, 4) !== le32(bytes, 4)) continue
    const sequence = le64(bytes, 8, 'the VHDX header sequence number', position)
    if (best !== null && best.sequence > sequence) continue
    if (le16(bytes, 66) !== 1) {
      const details = { position: position + 66, expected: 1, actual: le16(bytes, 66) }
      throw new DiskError('ENOTSUP', 'a VHDX version', details)
    }
    best = {
      position,
      sequence,
      logGuid: isZero(bytes.subarray(48, 64)) ? null : guidText(bytes, 48),
      logLength: le32(bytes, 68),
      logOffset: le64(bytes, 72, 'the VHDX log position', position),
    }
  }
  if (best === null) throw corrupt('both VHDX headers', HEADERS[0] as number, `'head' with a valid CRC-32C`)
  return best
}

function checkRegion(file: BlockSource, region: VhdxRegion, where: number): VhdxRegion {
  const { offset, length } = region
  if (offset % MIB !== 0 || offset < MIB || length % MIB !== 0 || offset + length > file.size) {
    throw corrupt('a VHDX region', where, 'whole MiB within the file, after the first', `${offset}+${length}`)
  }
  return region
}

function parseRegions(file: BlockSource, bytes: Uint8Array, position: number): Map<string, VhdxRegion> {
  const count = le32(bytes, 8)
  if (count > 2047) throw corrupt('the VHDX region count', position + 8, 'at most 2047', count)
  const regions = new Map<string, VhdxRegion>()
  for (let at = 16; at < 16 + count * 32; at += 32) {
    const guid = guidText(bytes, at)
    const known = guid === REGION.bat || guid === REGION.metadata
    if (!known && (le32(bytes, at + 28) & 1) !== 0) {
      throw new DiskError('ENOTSUP', `the required VHDX region ${guid}`, { position: position + at })
    }
    if (!known) continue
    const offset = le64(bytes, at + 16, 'a VHDX region position', position)
    regions.set(guid, checkRegion(file, { offset, length: le32(bytes, at + 24) }, position + at))
  }
  return regions
}

/** The block table's and the metadata's regions, from the first region table that is valid. */
export function readVhdxRegions(file: BlockSource): { bat: VhdxRegion; metadata: VhdxRegion } {
  for (const position of REGION_TABLES) {
    if (position + 65536 > file.size) continue
    const bytes = readBytesSync(file, position, 65536)
    if (ascii(bytes, 0, 4) !== 'regi' || crc32c(bytes, 4) !== le32(bytes, 4)) continue
    const regions = parseRegions(file, bytes, position)
    const bat = regions.get(REGION.bat)
    const metadata = regions.get(REGION.metadata)
    if (bat !== undefined && metadata !== undefined) return { bat, metadata }
    throw corrupt('the VHDX region table', position, 'a block table and a metadata region', [
      ...regions.keys(),
    ])
  }
  throw corrupt('both VHDX region tables', REGION_TABLES[0] as number, `'regi' with a valid CRC-32C`)
}

/** The items of the metadata table, by GUID, at most 1 MiB each. */
function readItems(file: BlockSource, region: VhdxRegion): Map<string, { bytes: Uint8Array; at: number }> {
  if (region.length < 65536)
    throw corrupt('the VHDX metadata region', region.offset, 'at least 64 KiB', region.length)
  const table = readBytesSync(file, region.offset, 65536)
  if (ascii(table, 0, 8) !== 'metadata') throw corrupt('the VHDX metadata table', region.offset, 'metadata')
  const count = le16(table, 10)
  if (count > 2047) throw corrupt('the VHDX metadata count', region.offset + 10, 'at most 2047', count)
  const items = new Map<string, { bytes: Uint8Array; at: number }>()
  for (let at = 32; at < 32 + count * 32; at += 32) {
    const guid = guidText(table, at)
    const flags = le32(table, at + 24)
    const wanted = Object.values(ITEM).includes(guid)
    if (!wanted && !OTHER_ITEMS.includes(guid) && (flags & 4) !== 0) {
      throw new DiskError('ENOTSUP', `the required VHDX metadata item ${guid}`, {
        position: region.offset + at,
      })
    }
    if (!wanted) continue
    const offset = le32(table, at + 16)
    const length = le32(table, at + 20)
    if (length > MIB || offset < 65536 || offset + length > region.length) {
      throw corrupt(
        'a VHDX metadata item',
        region.offset + at,
        'within its region, after the table',
        `${offset}+${length}`,
      )
    }
    items.set(guid, {
      bytes: readBytesSync(file, region.offset + offset, length),
      at: region.offset + offset,
    })
  }
  return items
}

/** What the metadata says of the disk, checked against the ranges of [MS-VHDX] 2.6.2. */
export function readVhdxMetadata(file: BlockSource, region: VhdxRegion): VhdxMetadata {
  const items = readItems(file, region)
  const item = (guid: string, length: number, name: string) => {
    const found = items.get(guid)
    if (found !== undefined && found.bytes.length >= length) return found
    throw corrupt(
      `the VHDX metadata item '${name}'`,
      region.offset,
      `${length} bytes`,
      found?.bytes.length ?? 'none',
    )
  }
  const parameters = item(ITEM.parameters, 8, 'file parameters')
  const blockSize = le32(parameters.bytes, 0)
  if (blockSize < MIB || blockSize > 256 * MIB || (blockSize & (blockSize - 1)) !== 0) {
    throw corrupt('the VHDX block size', parameters.at, 'a power of two in 1..256 MiB', blockSize)
  }
  const sector = item(ITEM.logicalSector, 4, 'logical sector size')
  const logicalSector = le32(sector.bytes, 0)
  if (logicalSector !== 512 && logicalSector !== 4096) {
    throw corrupt('the VHDX logical sector size', sector.at, '512 or 4096', logicalSector)
  }
  const disk = item(ITEM.size, 8, 'virtual disk size')
  const size = le64(disk.bytes, 0, 'the VHDX disk size', disk.at)
  if (size > 64 * 2 ** 40 || size % logicalSector !== 0) {
    throw corrupt('the VHDX disk size', disk.at, `sectors of ${logicalSector} bytes up to 64 TiB`, size)
  }
  return { blockSize, hasParent: (le32(parameters.bytes, 4) & 2) !== 0, size, logicalSector }
}
