import { ascii, be32, be64 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { Lru } from '../lru.js'
import { MappedSource, type Piece } from './mapped.js'
import { type BlockSource, readBytesSync } from './source.js'
import { PagedTable } from './table.js'

const FOOTER = 512
/** Largest disk of the format (2040 GiB, Microsoft's "Virtual Hard Disk Image Format Specification"). */
const LARGEST = 2040 * 2 ** 30
const UNUSED = 0xffff_ffff
/** Sector bitmaps that are kept; one covers a block, 2 MiB as a rule. */
const BITMAPS = 256

/** The footer and the dynamic header carry the one's complement of the sum of their bytes without the field itself. */
function checksum(bytes: Uint8Array, field: number): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) if (i < field || i >= field + 4) sum += bytes[i] ?? 0
  return ~sum >>> 0
}

export function isVhdFooter(bytes: Uint8Array): boolean {
  return ascii(bytes, 0, 8) === 'conectix' && checksum(bytes, 64) === be32(bytes, 64)
}

/** The footer: at the end, or its copy at the start of a dynamic disk whose end was lost. */
function findFooter(file: BlockSource): { bytes: Uint8Array; at: number } | null {
  if (file.size < FOOTER) return null
  // Old Virtual PC wrote 511 bytes of footer; the file is then that much shorter.
  for (const at of [file.size - FOOTER, file.size - FOOTER + 1, 0]) {
    const bytes = new Uint8Array(FOOTER)
    file.readSync(at, bytes, 0, Math.min(FOOTER, file.size - at))
    if (isVhdFooter(bytes) && (at !== 0 || be32(bytes, 60) !== 2)) return { bytes, at }
  }
  return null
}

export function isVhd(file: BlockSource): boolean {
  return findFooter(file) !== null
}

interface Dynamic {
  table: PagedTable
  block: number
  /** Bytes of the sector bitmap before each block. */
  bitmap: number
}

function readDynamic(file: BlockSource, at: number, size: number): Dynamic {
  if (at + 1024 > file.size) throw corrupt('the VHD dynamic header', at, `within ${file.size} bytes`)
  const head = readBytesSync(file, at, 1024)
  if (ascii(head, 0, 8) !== 'cxsparse')
    throw corrupt('the VHD dynamic header', at, 'cxsparse', ascii(head, 0, 8))
  if (checksum(head, 36) !== be32(head, 36)) {
    throw corrupt('the checksum of the VHD dynamic header', at + 36, checksum(head, 36), be32(head, 36))
  }
  const block = be32(head, 32)
  if (block < 512 || block > 1 << 28 || (block & (block - 1)) !== 0) {
    throw corrupt('the VHD block size', at + 32, 'a power of two in 512..2^28', block)
  }
  const entries = be32(head, 28)
  const needed = Math.ceil(size / block)
  if (entries < needed) throw corrupt('the VHD block table', at + 28, `at least ${needed} entries`, entries)
  const tableAt = be64(head, 16, 'the position of the VHD block table', at)
  if (tableAt + needed * 4 > file.size)
    throw corrupt('the VHD block table', at + 16, 'within the file', tableAt)
  const bitmap = Math.ceil(block / 512 / 8 / 512) * 512
  return { table: new PagedTable(file, tableAt, needed * 4), block, bitmap }
}

/** Reads a VHD image of Virtual PC and Hyper-V: fixed and dynamic. A differencing one is refused with `ENOTSUP`. */
export class VhdSource extends MappedSource {
  readonly kind: 'fixed' | 'dynamic'
  readonly #file: BlockSource
  readonly #dynamic: Dynamic | null
  readonly #bitmaps = new Lru<number, Uint8Array>(BITMAPS)

  constructor(file: BlockSource) {
    const footer = findFooter(file)
    if (footer === null)
      throw corrupt('a VHD footer', Math.max(0, file.size - FOOTER), 'conectix and its checksum')
    const { bytes, at } = footer
    const size = be64(bytes, 48, 'the VHD disk size', at)
    const type = be32(bytes, 60)
    if (type === 4) {
      const cure = 'Merge it with its parent: qemu-img or Hyper-V Manager'
      throw new DiskError('ENOTSUP', 'a differencing VHD', { position: at + 60, cure })
    }
    if (type !== 2 && type !== 3)
      throw corrupt('the VHD disk type', at + 60, '2 (fixed) or 3 (dynamic)', type)
    if (size > LARGEST || size % 512 !== 0 || (type === 2 && size > at)) {
      throw corrupt('the VHD disk size', at + 48, `sectors up to ${type === 2 ? at : LARGEST} bytes`, size)
    }
    super(size, 512, true)
    this.kind = type === 2 ? 'fixed' : 'dynamic'
    this.#file = file
    this.#dynamic = type === 2 ? null : readDynamic(file, be64(bytes, 16, 'the VHD dynamic header', at), size)
  }

  protected override locate(position: number, length: number): Piece {
    const dynamic = this.#dynamic
    if (dynamic === null) return { length, from: this.#file, at: position }
    const index = Math.floor(position / dynamic.block)
    const inside = position - index * dynamic.block
    const most = Math.min(length, dynamic.block - inside)
    const { bytes, at } = dynamic.table.page(index * 4)
    const sector = be32(bytes, at)
    if (sector === UNUSED) return { length: most, from: null, at: 0 }
    const data = sector * 512 + dynamic.bitmap
    if (data + inside + most > this.#file.size) {
      throw corrupt(
        'a VHD block table entry',
        dynamic.table.position(index * 4),
        'a block within the file',
        sector,
      )
    }
    return this.#inBlock(this.#bitmap(sector), inside, most, data)
  }

  #bitmap(sector: number): Uint8Array {
    let bitmap = this.#bitmaps.get(sector)
    if (bitmap === undefined) {
      bitmap = readBytesSync(this.#file, sector * 512, (this.#dynamic as Dynamic).bitmap)
      this.#bitmaps.set(sector, bitmap)
    }
    return bitmap
  }

  /** A sector whose bit is clear was never written and reads as zeros. The highest bit of a byte is the first sector. */
  #inBlock(bitmap: Uint8Array, inside: number, most: number, data: number): Piece {
    const written = (sector: number) => ((bitmap[sector >> 3] ?? 0) & (0x80 >> (sector & 7))) !== 0
    const first = Math.floor(inside / 512)
    const last = Math.floor((inside + most - 1) / 512)
    const state = written(first)
    let end = first + 1
    while (end <= last && written(end) === state) end++
    const length = Math.min(most, end * 512 - inside)
    return state ? { length, from: this.#file, at: data + inside } : { length, from: null, at: 0 }
  }

  protected override doClose(): void {
    this.#file.closeSync()
  }
}
