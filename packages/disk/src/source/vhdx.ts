import { le64big } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { MappedSource, type Piece } from './mapped.js'
import type { BlockSource } from './source.js'
import { PagedTable } from './table.js'
import { replayVhdxLog } from './vhdx-log.js'
import { isVhdx, readVhdxHeader, readVhdxMetadata, readVhdxRegions, type VhdxMetadata } from './vhdx-meta.js'

/** States of a payload block, [MS-VHDX] 2.5.1.1. */
const FULLY_PRESENT = 6n
const PARTIALLY_PRESENT = 7n

function open(original: BlockSource): { file: BlockSource; metadata: VhdxMetadata; table: PagedTable } {
  if (!isVhdx(original)) throw corrupt('a VHDX file', 0, 'vhdxfile')
  const file = replayVhdxLog(original, readVhdxHeader(original))
  const regions = readVhdxRegions(file)
  const metadata = readVhdxMetadata(file, regions.metadata)
  if (metadata.hasParent) {
    const cure = 'Merge it with its parent (Hyper-V Manager)'
    throw new DiskError('ENOTSUP', 'a differencing VHDX', { cure })
  }
  const blocks = Math.ceil(metadata.size / metadata.blockSize)
  const entries = blocks + Math.floor(Math.max(0, blocks - 1) / chunkRatio(metadata))
  if (entries * 8 > regions.bat.length) {
    throw corrupt('the VHDX block table', regions.bat.offset, `${entries} entries`, regions.bat.length / 8)
  }
  return { file, metadata, table: new PagedTable(file, regions.bat.offset, entries * 8) }
}

/** Payload blocks between two sector-bitmap entries of the table. */
function chunkRatio(metadata: VhdxMetadata): number {
  return (2 ** 23 * metadata.logicalSector) / metadata.blockSize
}

/**
 * Reads a VHDX image of Hyper-V: fixed and dynamic. A log that was not replayed is replayed in memory; the file stays
 * as it is. A differencing image is refused with `ENOTSUP`.
 */
export class VhdxSource extends MappedSource {
  readonly metadata: VhdxMetadata
  readonly #file: BlockSource
  readonly #table: PagedTable
  readonly #ratio: number

  constructor(original: BlockSource) {
    const { file, metadata, table } = open(original)
    super(metadata.size, metadata.logicalSector, true)
    this.metadata = metadata
    this.#file = file
    this.#table = table
    this.#ratio = chunkRatio(metadata)
  }

  protected override locate(position: number, length: number): Piece {
    const { blockSize } = this.metadata
    const block = Math.floor(position / blockSize)
    const inside = position - block * blockSize
    const most = Math.min(length, blockSize - inside)
    const slot = (block + Math.floor(block / this.#ratio)) * 8
    const { bytes, at } = this.#table.page(slot)
    const entry = le64big(bytes, at)
    const state = entry & 7n
    // 0 not present, 1 undefined, 2 zero, 3 unmapped (5 in version 0.95): all read as zeros without a parent.
    if (state < 4n || state === 5n) return { length: most, from: null, at: 0 }
    const where = this.#table.position(slot)
    if (state === PARTIALLY_PRESENT)
      throw corrupt('a VHDX block state', where, 'no partial block without a parent', 7)
    if (state !== FULLY_PRESENT) throw corrupt('a VHDX block state', where, '0..3, 5 or 6', state)
    const offset = Number(entry >> 20n) * 2 ** 20
    if (offset === 0 || offset + inside + most > this.#file.size) {
      throw corrupt('a VHDX block table entry', where, 'a block within the file', offset)
    }
    return { length: most, from: this.#file, at: offset + inside }
  }

  protected override doClose(): void {
    this.#file.closeSync()
  }
}
