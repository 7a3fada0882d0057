import { isGuid } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { type RandomBytes, randomGuid, systemRandom } from '../random.js'
import type { BlockSource } from '../source/source.js'
import {
  decodeGptEntry,
  ENTRY_SIZE,
  encodeGptEntry,
  encodeGptHeader,
  type GptEntry,
  type GptHeader,
  readGptCopy,
} from './gpt-header.js'
import { protectiveKind, writeProtective } from './protective.js'
import {
  freeSectors,
  gptType,
  gptTypeName,
  type PartitionInfo,
  type Place,
  placePartition,
  type Sectors,
} from './types.js'

export interface GptPartition extends GptEntry {
  /** The slot, from 1. */
  index: number
}

export interface GptCreateOptions {
  /** Disk GUID; default random. */
  guid?: string
  random?: RandomBytes
  /** Slots, default 128; at least 128 as firmware expects. */
  slots?: number
  /** Bytes of a sector, default the source's. */
  sectorSize?: number
}

export interface GptAddOptions extends Place {
  /** A type GUID or a name of GPT_TYPES; default `data`. */
  type?: string
  guid?: string
  /** At most 36 UTF-16 units. */
  name?: string
  attributes?: bigint
  /** The slot; default the first free one. */
  index?: number
}

const NAME_UNITS = 36

function checkName(name: string): void {
  if (name.length <= NAME_UNITS && !name.includes('\0')) return
  const expected = `at most ${NAME_UNITS} UTF-16 units without NUL`
  throw new DiskError('ENAMETOOLONG', 'a GPT partition name', { expected, actual: name })
}

function checkGuid(guid: string): string {
  if (isGuid(guid)) return guid.toUpperCase()
  throw new DiskError('EINVAL', 'a GUID', { expected: 'XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX', actual: guid })
}

function sectorsOf(disk: BlockSource, sector: number): number {
  return Math.floor(disk.size / sector)
}

/**
 * A GUID partition table in memory. Reading takes whichever copy is whole and says what is wrong in `problems`; writing
 * puts both copies and the protective record in order, which is the repair.
 */
export class Gpt {
  readonly kind = 'gpt'
  readonly sectorSize: number
  /** What was found wrong on reading, one sentence each; empty for a sound table. */
  readonly problems: string[] = []
  #guid: string
  #firstUsable: number
  #lastUsable: number
  readonly #slots: number
  readonly #entrySize: number
  readonly #table: Uint8Array
  readonly #entries: (GptEntry | null)[]
  readonly #random: RandomBytes
  /** The sectors of the tables at either end; a table that is read keeps its place at the start. */
  readonly #primaryTable: number
  /** A table made anew replaces whatever is in sector 0. */
  #fresh = false

  private constructor(sector: number, header: GptHeader, table: Uint8Array, random: RandomBytes) {
    this.sectorSize = sector
    this.#guid = header.guid
    this.#firstUsable = header.firstUsable
    this.#lastUsable = header.lastUsable
    this.#slots = header.slots
    this.#entrySize = header.entrySize
    this.#table = table.slice()
    this.#random = random
    this.#primaryTable = header.lba === 1 ? header.tableLba : 2
    this.#entries = Array.from({ length: header.slots }, (_, slot) =>
      decodeGptEntry(this.#slot(slot), header.tableLba * sector + slot * header.entrySize),
    )
  }

  /** An empty table for `disk`; nothing is written before `writeSync`. */
  static create(disk: BlockSource, options: GptCreateOptions = {}): Gpt {
    const sector = options.sectorSize ?? disk.blockSize
    const random = options.random ?? systemRandom
    const slots = options.slots ?? 128
    if (!Number.isInteger(slots) || slots < 128 || slots > 8192) {
      throw new DiskError('EINVAL', 'the number of GPT slots', { expected: '128..8192', actual: slots })
    }
    const tableSectors = Math.ceil((slots * ENTRY_SIZE) / sector)
    const sectors = sectorsOf(disk, sector)
    const header: GptHeader = {
      lba: 1,
      otherLba: sectors - 1,
      firstUsable: 2 + tableSectors,
      lastUsable: sectors - 2 - tableSectors,
      guid: options.guid === undefined ? randomGuid(random) : checkGuid(options.guid),
      tableLba: 2,
      slots,
      entrySize: ENTRY_SIZE,
    }
    if (header.firstUsable > header.lastUsable) {
      throw new DiskError('ENOSPC', 'the disk is too small for a GPT', {
        expected: `at least ${(2 * tableSectors + 4) * sector} bytes`,
        actual: disk.size,
      })
    }
    const gpt = new Gpt(sector, header, new Uint8Array(slots * ENTRY_SIZE), random)
    gpt.#fresh = true
    return gpt
  }

  /**
   * Reads the table. `EUCLEAN` when neither copy is whole.
   *
   * @param options.sectorSize bytes; default: the source's, then 512 and 4096, whichever has a header.
   */
  static readSync(disk: BlockSource, options: { sectorSize?: number; random?: RandomBytes } = {}): Gpt {
    const sizes = options.sectorSize === undefined ? [disk.blockSize, 512, 4096] : [options.sectorSize]
    let failure: unknown
    for (const sector of new Set(sizes)) {
      try {
        return Gpt.#readAs(disk, sector, options.random ?? systemRandom)
      } catch (error) {
        failure ??= error
      }
    }
    throw failure
  }

  static #readAs(disk: BlockSource, sector: number, random: RandomBytes): Gpt {
    const problems: string[] = []
    const attempt = (lba: number, which: string) => {
      try {
        return readGptCopy(disk, lba, sector)
      } catch (error) {
        if (!(error instanceof DiskError) || error.code !== 'EUCLEAN') throw error
        problems.push(`the ${which} GPT is damaged: ${error.message}`)
        return null
      }
    }
    const end = sectorsOf(disk, sector) - 1
    const primary = attempt(1, 'primary')
    let backup = end > 1 ? attempt(end, 'backup') : null
    if (backup === null && primary !== null && primary.header.otherLba !== end) {
      problems.push(`the backup GPT is not at the end of the disk but at sector ${primary.header.otherLba}`)
      backup = attempt(primary.header.otherLba, 'displaced backup')
    }
    const best = primary ?? backup
    if (best === null) throw corrupt('both GPT headers', sector, 'one that is whole', problems[0])
    const gpt = new Gpt(sector, best.header, best.table, random)
    gpt.problems.push(...problems, ...gpt.#check(disk))
    if (primary !== null && backup !== null && !gpt.#equals(backup)) {
      gpt.problems.push('the two copies of the GPT differ; the primary one is taken')
    }
    const kind = protectiveKind(disk)
    if (kind === 'none') gpt.problems.push('sector 0 has no protective master boot record')
    if (kind === 'hybrid')
      gpt.problems.push('sector 0 is a hybrid master boot record, which is left as it is')
    return gpt
  }

  #equals(other: { header: GptHeader; table: Uint8Array }): boolean {
    return other.header.guid === this.#guid && Buffer.compare(other.table, this.#table) === 0
  }

  #check(disk: BlockSource): string[] {
    const problems: string[] = []
    const sectors = sectorsOf(disk, this.sectorSize)
    const sorted = this.partitions().sort((a, b) => a.firstLba - b.firstLba)
    let previous: GptPartition | null = null
    for (const part of sorted) {
      if (part.firstLba > part.lastLba || part.lastLba >= sectors || part.firstLba < 1) {
        problems.push(
          `partition ${part.index} (sectors ${part.firstLba} to ${part.lastLba}) is not within the disk`,
        )
      } else if (part.firstLba < this.#firstUsable || part.lastLba > this.#lastUsable) {
        problems.push(`partition ${part.index} is outside of the usable sectors`)
      }
      if (previous !== null && previous.lastLba >= part.firstLba) {
        problems.push(`partitions ${previous.index} and ${part.index} overlap`)
      }
      previous = part
    }
    return problems
  }

  #slot(slot: number): Uint8Array {
    return this.#table.subarray(slot * this.#entrySize, (slot + 1) * this.#entrySize)
  }

  get guid(): string {
    return this.#guid
  }

  /** First and last sector that partitions may use. */
  get usable(): Sectors {
    return { first: this.#firstUsable, last: this.#lastUsable }
  }

  partitions(): GptPartition[] {
    return this.#entries.flatMap((entry, slot) => (entry === null ? [] : [{ index: slot + 1, ...entry }]))
  }

  /** The partitions in the form that both kinds of table share. */
  list(): PartitionInfo[] {
    return this.partitions().map(({ index, type, guid, name, firstLba, lastLba }) => ({
      index,
      start: firstLba * this.sectorSize,
      size: (lastLba - firstLba + 1) * this.sectorSize,
      type,
      typeName: gptTypeName(type),
      name,
      guid,
    }))
  }

  free(): Sectors[] {
    const used = this.partitions().map(({ firstLba, lastLba }) => ({ first: firstLba, last: lastLba }))
    return freeSectors(this.usable, used)
  }

  #find(index: number): GptEntry {
    const entry = this.#entries[index - 1]
    if (entry !== undefined && entry !== null) return entry
    const have = this.partitions().map((part) => part.index)
    throw new DiskError('ENOENT', 'no such partition', {
      expected: `one of ${have.join(', ')}`,
      actual: index,
    })
  }

  /** Adds a partition. `ENOSPC` without room or slot, `EEXIST` for a slot in use, `EINVAL` for bad values. */
  add(options: GptAddOptions): GptPartition {
    const free = this.#entries.indexOf(null) + 1
    const index = options.index ?? free
    if (free === 0) throw new DiskError('ENOSPC', `all ${this.#slots} slots of the GPT are in use`)
    if (!Number.isInteger(index) || index < 1 || index > this.#slots) {
      throw new DiskError('EINVAL', 'a partition number', { expected: `1..${this.#slots}`, actual: index })
    }
    if (this.#entries[index - 1] !== null) throw new DiskError('EEXIST', `partition ${index} exists`)
    const name = options.name ?? ''
    checkName(name)
    const type = gptType(options.type ?? 'data')
    const place = placePartition(this.free(), options, this.sectorSize)
    const entry: GptEntry = {
      type,
      guid: options.guid === undefined ? randomGuid(this.#random) : checkGuid(options.guid),
      firstLba: place.first,
      lastLba: place.last,
      attributes: BigInt.asUintN(64, options.attributes ?? 0n),
      name,
    }
    this.#entries[index - 1] = entry
    return { index, ...entry }
  }

  remove(index: number): void {
    this.#find(index)
    this.#entries[index - 1] = null
  }

  /** Changes what is given. A new `size` keeps the start; content is not moved. */
  change(index: number, to: Partial<Omit<GptAddOptions, 'index' | 'alignment' | 'start'>>): GptPartition {
    const entry = { ...this.#find(index) }
    if (to.name !== undefined) checkName(to.name)
    if (to.type !== undefined) entry.type = gptType(to.type)
    if (to.guid !== undefined) entry.guid = checkGuid(to.guid)
    entry.name = to.name ?? entry.name
    entry.attributes = BigInt.asUintN(64, to.attributes ?? entry.attributes)
    if (to.size !== undefined) {
      const others = this.partitions().filter((part) => part.index !== index)
      const used = others.map(({ firstLba, lastLba }) => ({ first: firstLba, last: lastLba }))
      const start = entry.firstLba * this.sectorSize
      entry.lastLba = placePartition(
        freeSectors(this.usable, used),
        { start, size: to.size },
        this.sectorSize,
      ).last
    }
    this.#entries[index - 1] = entry
    return { index, ...entry }
  }

  setGuid(guid: string): void {
    this.#guid = checkGuid(guid)
  }

  /**
   * Writes the backup copy, then the primary one, then the protective record, each after the one before is durable: a
   * crash at any moment leaves a whole copy. On a disk that grew, the backup moves to its end. A hybrid record stays.
   */
  writeSync(disk: BlockSource): void {
    const tableSectors = Math.ceil(this.#table.length / this.sectorSize)
    const end = sectorsOf(disk, this.sectorSize) - 1
    const lastUsable = end - 1 - tableSectors
    const beyond = this.partitions().find((part) => part.lastLba > lastUsable)
    if (beyond !== undefined || lastUsable < this.#firstUsable) {
      const what =
        beyond === undefined ? 'the disk is too small' : `partition ${beyond.index} does not fit the disk`
      throw new DiskError('ENOSPC', what, {
        expected: `sectors up to ${lastUsable}`,
        actual: beyond?.lastLba,
      })
    }
    this.#lastUsable = lastUsable
    for (const [slot, entry] of this.#entries.entries()) {
      if (entry === null) this.#slot(slot).fill(0)
      else encodeGptEntry(entry, this.#slot(slot))
    }
    this.#writeCopy(disk, end, 1, end - tableSectors)
    this.#writeCopy(disk, 1, end, this.#primaryTable)
    if (this.#fresh || protectiveKind(disk) !== 'hybrid') writeProtective(disk, this.sectorSize)
    disk.flushSync()
    this.#fresh = false
    this.problems.length = 0
  }

  #writeCopy(disk: BlockSource, lba: number, otherLba: number, tableLba: number): void {
    const header: GptHeader = {
      lba,
      otherLba,
      firstUsable: this.#firstUsable,
      lastUsable: this.#lastUsable,
      guid: this.#guid,
      tableLba,
      slots: this.#slots,
      entrySize: this.#entrySize,
    }
    disk.writeSync(tableLba * this.sectorSize, this.#table)
    disk.writeSync(lba * this.sectorSize, encodeGptHeader(header, this.#table, this.sectorSize))
    disk.flushSync()
  }
}
