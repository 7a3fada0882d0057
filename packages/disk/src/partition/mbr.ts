import { le32, putLe32 } from '../bytes.js'
import { DiskError } from '../error.js'
import { type RandomBytes, systemRandom } from '../random.js'
import { type BlockSource, readBytesSync } from '../source/source.js'
import {
  checkReach,
  ENTRIES,
  isExtended,
  type MbrPartition,
  notMaster,
  readEntries,
  readLogical,
  readMaster,
  sign,
  writeEntry,
} from './mbr-record.js'
import {
  ALIGNMENT,
  freeSectors,
  mbrType,
  mbrTypeName,
  type PartitionInfo,
  type Place,
  placePartition,
  type Sectors,
} from './types.js'

export interface MbrAddOptions extends Place {
  /** System id or a name of MBR_TYPES; default `ntfs`. */
  type?: number | string
  active?: boolean
  /** Default `primary`. The first logical one makes the extended partition of the largest free place. */
  kind?: 'primary' | 'logical' | 'extended'
  /** 1 to 4; default the first free one. */
  index?: number
}

const last = (part: { firstLba: number; sectors: number }) => part.firstLba + part.sectors - 1

/** A master boot record with its logical partitions, in memory. `problems` tells what was wrong on reading. */
export class Mbr {
  readonly kind = 'mbr'
  readonly sectorSize: number
  readonly problems: string[] = []
  /** The disk signature by which Windows knows the disk. */
  signature: number
  readonly #diskSectors: number
  #parts: MbrPartition[] = []
  #fresh = false

  private constructor(disk: BlockSource, sector: number, signature: number) {
    this.sectorSize = sector
    this.signature = signature
    this.#diskSectors = Math.floor(disk.size / sector)
  }

  /** An empty table for `disk`; nothing is written before `writeSync`. */
  static create(
    disk: BlockSource,
    options: { signature?: number; random?: RandomBytes; sectorSize?: number } = {},
  ): Mbr {
    const signature = options.signature ?? le32((options.random ?? systemRandom)(4), 0)
    const mbr = new Mbr(disk, options.sectorSize ?? disk.blockSize, signature >>> 0)
    mbr.#fresh = true
    return mbr
  }

  /** Reads the table. `EUCLEAN` when sector 0 is none. */
  static readSync(disk: BlockSource, options: { sectorSize?: number } = {}): Mbr {
    const record = readMaster(disk)
    if (record === null) throw notMaster()
    const mbr = new Mbr(disk, options.sectorSize ?? disk.blockSize, le32(record, 440))
    for (const [slot, { type, status, lba, sectors }] of readEntries(record).entries()) {
      if (type === 0 || sectors === 0) continue
      const part = { index: slot + 1, type, active: status === 0x80, firstLba: lba, sectors, recordLba: null }
      mbr.#parts.push(part)
      if (!isExtended(type)) continue
      if (mbr.#parts.some((other) => other !== part && isExtended(other.type))) {
        mbr.problems.push(`partition ${part.index} is a second extended one and is not looked into`)
      } else mbr.#parts.push(...readLogical(disk, part, mbr.sectorSize, mbr.problems))
    }
    mbr.#parts.sort((a, b) => a.index - b.index)
    mbr.#check()
    return mbr
  }

  #check(): void {
    const extended = this.extended
    for (const part of this.#parts) {
      const name = `partition ${part.index} (sectors ${part.firstLba} to ${last(part)})`
      if (last(part) >= this.#diskSectors || part.firstLba === 0)
        this.problems.push(`${name} is not within the disk`)
      if (part.recordLba !== null && extended !== null) {
        const inside = part.firstLba > extended.firstLba && last(part) <= last(extended)
        if (!inside) this.problems.push(`${name} is not within the extended one`)
      }
    }
    const content = this.#parts
      .filter((part) => !isExtended(part.type))
      .sort((a, b) => a.firstLba - b.firstLba)
    for (const [i, part] of content.entries()) {
      const before = content[i - 1]
      if (before !== undefined && last(before) >= part.firstLba) {
        this.problems.push(`partitions ${before.index} and ${part.index} overlap`)
      }
    }
  }

  /** All partitions, the extended one too. */
  partitions(): MbrPartition[] {
    return this.#parts.map((part) => ({ ...part }))
  }

  get extended(): MbrPartition | null {
    return this.#parts.find((part) => part.recordLba === null && isExtended(part.type)) ?? null
  }

  get #logical(): MbrPartition[] {
    return this.#parts.filter((part) => part.recordLba !== null)
  }

  get #primary(): MbrPartition[] {
    return this.#parts.filter((part) => part.recordLba === null)
  }

  list(): PartitionInfo[] {
    return this.#parts.map(({ index, type, firstLba, sectors }) => ({
      index,
      start: firstLba * this.sectorSize,
      size: sectors * this.sectorSize,
      type: type.toString(16).padStart(2, '0'),
      typeName: mbrTypeName(type),
      name: null,
      guid: null,
    }))
  }

  /** Sectors that no primary or extended partition has. */
  free(): Sectors[] {
    const used = this.#primary.map((part) => ({ first: part.firstLba, last: last(part) }))
    return freeSectors({ first: 1, last: Math.min(this.#diskSectors, 2 ** 32) - 1 }, used)
  }

  /** Sectors of the extended partition that neither a logical partition nor its record has. */
  freeLogical(): Sectors[] {
    const extended = this.extended
    if (extended === null) return []
    const used = this.#logical.flatMap((part) => [
      { first: part.firstLba, last: last(part) },
      { first: part.recordLba ?? 0, last: part.recordLba ?? 0 },
    ])
    return freeSectors({ first: extended.firstLba, last: last(extended) }, used)
  }

  /** Adds a partition. `ENOSPC` without room or slot, `EEXIST` for a slot in use, `EFBIG` beyond 2^32 sectors. */
  add(options: MbrAddOptions): MbrPartition {
    const kind = options.kind ?? 'primary'
    if (kind === 'logical') return this.#addLogical(options)
    if (kind === 'extended' && this.extended !== null) {
      throw new DiskError('EEXIST', 'an extended partition exists', { actual: this.extended.index })
    }
    const taken = new Set(this.#primary.map((part) => part.index))
    const index = options.index ?? [1, 2, 3, 4].find((slot) => !taken.has(slot))
    if (index === undefined) {
      throw new DiskError('ENOSPC', 'all four primary partitions are in use', {
        cure: 'Add a logical one, or use a GPT',
      })
    }
    if (![1, 2, 3, 4].includes(index)) {
      throw new DiskError('EINVAL', 'a primary partition number', { expected: '1..4', actual: index })
    }
    if (taken.has(index)) throw new DiskError('EEXIST', `partition ${index} exists`)
    const type = mbrType(options.type ?? (kind === 'extended' ? 'extended' : 'ntfs'))
    if (isExtended(type) !== (kind === 'extended')) {
      throw new DiskError('EINVAL', 'a partition type', {
        expected: `one for a ${kind} partition`,
        actual: type,
      })
    }
    const place = placePartition(this.free(), options, this.sectorSize)
    const sectors = place.last - place.first + 1
    checkReach(place.first, sectors)
    return this.#insert({
      index,
      type,
      active: options.active ?? false,
      firstLba: place.first,
      sectors,
      recordLba: null,
    })
  }

  #insert(part: MbrPartition): MbrPartition {
    if (part.active) for (const other of this.#parts) other.active = false
    this.#parts.push(part)
    this.#parts.sort((a, b) => a.index - b.index)
    return { ...part }
  }

  #addLogical(options: MbrAddOptions): MbrPartition {
    const type = mbrType(options.type ?? 'ntfs')
    if (isExtended(type)) throw new DiskError('EINVAL', 'a logical partition cannot be an extended one')
    if (options.index !== undefined) {
      throw new DiskError('EINVAL', 'a logical partition takes the next number', { actual: options.index })
    }
    if (this.extended === null) this.add({ kind: 'extended', size: 'rest' })
    // A sector before the content is for its record, which goes one alignment ahead where there is room.
    const free = this.freeLogical()
    const usable = free.map((run) => ({ first: run.first + 1, last: run.last }))
    const place = placePartition(usable, options, this.sectorSize)
    const from = free.find((run) => run.first < place.first && run.last >= place.last)?.first ?? 0
    const ahead = Math.max(from, place.first - (options.alignment ?? ALIGNMENT) / this.sectorSize)
    const recordLba = this.#logical.length === 0 ? this.#extendedStart : ahead
    const sectors = place.last - place.first + 1
    const active = options.active ?? false
    return this.#insert({
      index: this.#logical.length + 5,
      type,
      active,
      firstLba: place.first,
      sectors,
      recordLba,
    })
  }

  get #extendedStart(): number {
    return this.extended?.firstLba ?? 0
  }

  #find(index: number): MbrPartition {
    const part = this.#parts.find((other) => other.index === index)
    if (part !== undefined) return part
    const have = this.#parts.map((other) => other.index)
    throw new DiskError('ENOENT', 'no such partition', {
      expected: `one of ${have.join(', ')}`,
      actual: index,
    })
  }

  /** Removes a partition; later logical ones take lower numbers, as in every system. */
  remove(index: number): void {
    const part = this.#find(index)
    if (part.recordLba === null && isExtended(part.type) && this.#logical.length > 0) {
      throw new DiskError('ENOTEMPTY', 'the extended partition holds logical ones', {
        cure: 'Remove those first',
      })
    }
    this.#parts = this.#parts.filter((other) => other !== part)
    for (const [i, logical] of this.#logical.entries()) {
      logical.index = i + 5
      if (i === 0) logical.recordLba = this.#extendedStart
    }
  }

  /** Changes type, the active mark, or the size: the start stays, and content is not moved. */
  change(
    index: number,
    to: { type?: number | string; active?: boolean; size?: number | 'rest' },
  ): MbrPartition {
    const part = this.#find(index)
    const type = mbrType(to.type ?? part.type)
    if (isExtended(type) !== isExtended(part.type)) {
      throw new DiskError('EINVAL', 'a partition cannot become or cease to be an extended one', {
        actual: type,
      })
    }
    if (to.size !== undefined) part.sectors = this.#resized(part, to.size)
    if (to.active === true) for (const other of this.#parts) other.active = false
    part.type = type
    part.active = to.active ?? part.active
    return { ...part }
  }

  /** The sectors that a partition may have from its start on; an extended one still holds its logical ones. */
  #resized(part: MbrPartition, size: number | 'rest'): number {
    const all = part.recordLba === null ? this.free() : this.freeLogical()
    const behind = all.find((run) => run.first === last(part) + 1)
    const room = { first: part.firstLba, last: behind?.last ?? last(part) }
    const place = placePartition([room], { start: part.firstLba * this.sectorSize, size }, this.sectorSize)
    const inside = isExtended(part.type)
      ? this.#logical.find((logical) => last(logical) > place.last)
      : undefined
    if (inside !== undefined) {
      throw new DiskError('ENOSPC', `logical partition ${inside.index} would be cut`, {
        expected: last(inside),
      })
    }
    checkReach(place.first, place.last - place.first + 1)
    return place.last - place.first + 1
  }

  /** Writes the logical partitions' records from the last to the first, then sector 0. Boot code stays. */
  writeSync(disk: BlockSource): void {
    const logical = this.#logical
    const start = this.#extendedStart
    for (let i = logical.length - 1; i >= 0; i--) this.#writeRecord(disk, logical, i, start)
    if (logical.length === 0 && this.extended !== null) this.#writeEmptyRecord(disk, start)
    disk.flushSync()
    const record = readBytesSync(disk, 0, 512)
    if (this.#fresh) record.fill(0, 440, 446)
    putLe32(record, 440, this.signature)
    record.fill(0, ENTRIES, 510)
    for (const part of this.#primary) {
      const { type, firstLba: lba, sectors } = part
      writeEntry(record, part.index - 1, { status: part.active ? 0x80 : 0, type, lba, sectors })
    }
    sign(record)
    disk.writeSync(0, record)
    disk.flushSync()
    this.#fresh = false
    this.problems.length = 0
  }

  #writeEmptyRecord(disk: BlockSource, lba: number): void {
    const record = new Uint8Array(this.sectorSize)
    sign(record)
    disk.writeSync(lba * this.sectorSize, record)
  }

  /** One extended boot record: its partition counted from itself, and the next record counted from the first. */
  #writeRecord(disk: BlockSource, logical: MbrPartition[], i: number, start: number): void {
    const part = logical[i] as MbrPartition
    const at = part.recordLba ?? start
    const record = readBytesSync(disk, at * this.sectorSize, 512)
    record.fill(0, ENTRIES, 510)
    const status = part.active ? 0x80 : 0
    writeEntry(record, 0, { status, type: part.type, lba: part.firstLba - at, sectors: part.sectors }, at)
    const next = logical[i + 1]
    if (next !== undefined) {
      const nextAt = next.recordLba ?? start
      writeEntry(
        record,
        1,
        { status: 0, type: 0x05, lba: nextAt - start, sectors: last(next) - nextAt + 1 },
        start,
      )
    }
    sign(record)
    disk.writeSync(at * this.sectorSize, record)
  }
}
