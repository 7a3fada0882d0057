import { corrupt, DiskError } from '../error.js'
import type { BlockSource } from '../source/source.js'
import {
  type DirRecord,
  ENTRY,
  encodeName,
  type FatEntry,
  parseDirectory,
  readEntry,
  writeEntry,
} from './dirent.js'
import type { FatGeometry } from './geometry.js'
import { checkLongName, shortNameText, upcase } from './names.js'
import type { FatTable, Run } from './table.js'

/** A directory holds at most 65536 entries (specification, section 6.2). */
const LARGEST = 65536 * ENTRY

const numbers = (run: Run) => Array.from({ length: run.count }, (_, i) => run.first + i)

/** A directory in memory: its bytes, which every change also writes through, and an index of its names. */
export class FatDirectory {
  /** First cluster; 0 for the fixed root of FAT12 and FAT16. */
  readonly key: number
  readonly #source: BlockSource
  readonly #g: FatGeometry
  readonly #table: FatTable
  /** Its clusters in order: at most 4096 of 512 bytes. */
  readonly #clusters: number[]
  #bytes: Uint8Array
  readonly #byName = new Map<string, DirRecord>()
  readonly #byShort = new Map<string, DirRecord>()
  readonly #labelSlot: number | null
  /** Slots in use or deleted; after them all is zero. */
  #used: number
  #deleted = 0

  constructor(source: BlockSource, geometry: FatGeometry, table: FatTable, key: number) {
    this.key = key
    this.#source = source
    this.#g = geometry
    this.#table = table
    const most = Math.max(1, Math.floor(LARGEST / geometry.clusterSize))
    this.#clusters = key === 0 ? [] : table.runs(key, most, true).flatMap(numbers)
    this.#bytes = new Uint8Array(
      key === 0 ? (geometry.rootSize ?? 0) : this.#clusters.length * geometry.clusterSize,
    )
    if (key !== 0 && this.#clusters.length === 0)
      throw corrupt('a directory', geometry.dataStart, 'a cluster', key)
    for (const { at, from, length } of this.#parts(0, this.#bytes.length))
      source.readSync(at, this.#bytes, from, length)
    const { records, label, used } = parseDirectory(this.#bytes)
    this.#labelSlot = label
    this.#used = used
    for (const record of records) this.#index(record)
    for (let slot = 0; slot < used; slot++) if (this.#bytes[slot * ENTRY] === 0xe5) this.#deleted++
  }

  /** Bytes that it takes on the volume. */
  get size(): number {
    return this.#bytes.length
  }

  #index(record: DirRecord): void {
    const key = upcase(record.name)
    // Of two equal names, which only a damaged directory holds, the first is the one that is found.
    if (!this.#byName.has(key)) this.#byName.set(key, record)
    if (!this.#byShort.has(record.short)) this.#byShort.set(record.short, record)
  }

  /** Disk positions of a part of the directory's bytes. */
  *#parts(position: number, length: number): Generator<{ at: number; from: number; length: number }> {
    if (this.key === 0) {
      yield { at: this.#g.rootStart + position, from: position, length }
      return
    }
    const { clusterSize, dataStart } = this.#g
    const end = position + length
    for (let from = position; from < end; ) {
      const inside = from % clusterSize
      const cluster = this.#clusters[(from - inside) / clusterSize] ?? 0
      const part = Math.min(clusterSize - inside, end - from)
      yield { at: dataStart + (cluster - 2) * clusterSize + inside, from, length: part }
      from += part
    }
  }

  #save(slot: number, count: number): void {
    for (const { at, from, length } of this.#parts(slot * ENTRY, count * ENTRY)) {
      this.#source.writeSync(at, this.#bytes, from, length)
    }
  }

  find(name: string): DirRecord | null {
    const key = upcase(name)
    const found = this.#byName.get(key)
    if (found !== undefined) return found
    for (const record of key.length <= 12 ? this.#byShort.values() : []) {
      if (shortNameText(Buffer.from(record.short, 'latin1'), 0) === key) return record
    }
    return null
  }

  records(): DirRecord[] {
    return [...this.#byName.values()]
  }

  get empty(): boolean {
    return this.#byName.size === 0
  }

  /** Text of the volume label entry, null without one. */
  get label(): string | null {
    if (this.#labelSlot === null) return null
    const at = this.#labelSlot * ENTRY
    return Buffer.from(this.#bytes.subarray(at, at + 11))
      .toString('latin1')
      .trimEnd()
  }

  entry(slot: number): FatEntry {
    return readEntry(this.#bytes, slot, this.#g.bits === 32)
  }

  setEntry(slot: number, entry: FatEntry): void {
    writeEntry(this.#bytes, slot, entry)
    this.#save(slot, 1)
  }

  /** Byte position of a slot on the volume: the identity of a file. */
  position(slot: number): number {
    for (const part of this.#parts(slot * ENTRY, ENTRY)) return part.at
    return 0
  }

  /** Adds an entry. `EINVAL` and `ENAMETOOLONG` for bad names, `ENOSPC` when directory or volume is full. */
  add(name: string, entry: FatEntry): DirRecord {
    checkLongName(name)
    const bytes = encodeName(name, (text) => this.#byShort.has(text) || this.#isName(text))
    const count = bytes.length / ENTRY
    const firstSlot = this.#room(count)
    this.#bytes.set(bytes, firstSlot * ENTRY)
    const slot = firstSlot + count - 1
    writeEntry(this.#bytes, slot, entry)
    this.#used = Math.max(this.#used, slot + 1)
    this.#save(firstSlot, count)
    const short = Buffer.from(bytes.subarray(bytes.length - ENTRY, bytes.length - ENTRY + 11)).toString(
      'latin1',
    )
    const record = { name, short, firstSlot, slot }
    this.#index(record)
    return record
  }

  #isName(short: string): boolean {
    return this.#byName.has(shortNameText(Buffer.from(short, 'latin1'), 0))
  }

  /** The first of `count` slots in a row that are deleted or were never used. */
  #room(count: number): number {
    let run = 0
    for (let slot = 0; this.#deleted >= count && slot < this.#used; slot++) {
      run = this.#bytes[slot * ENTRY] === 0xe5 ? run + 1 : 0
      if (run < count) continue
      this.#deleted -= count
      return slot - count + 1
    }
    const needed = (this.#used + count) * ENTRY
    if (needed > this.#bytes.length) this.#grow(needed)
    return this.#used
  }

  #grow(needed: number): void {
    if (this.key === 0 || needed > LARGEST) {
      throw new DiskError('ENOSPC', 'the directory is full', {
        expected: `at most ${LARGEST / ENTRY} entries`,
      })
    }
    const last = this.#clusters[this.#clusters.length - 1] ?? 0
    const { clusterSize } = this.#g
    const count = Math.ceil((needed - this.#bytes.length) / clusterSize)
    this.#clusters.push(...this.#table.allocate(count, last).flatMap(numbers))
    const grown = new Uint8Array(this.#bytes.length + count * clusterSize)
    grown.set(this.#bytes)
    const from = this.#bytes.length / ENTRY
    this.#bytes = grown
    this.#save(from, (count * clusterSize) / ENTRY)
  }

  remove(record: DirRecord): void {
    for (let slot = record.firstSlot; slot <= record.slot; slot++) {
      this.#bytes[slot * ENTRY] = 0xe5
      this.#deleted++
    }
    this.#save(record.firstSlot, record.slot - record.firstSlot + 1)
    this.#byName.delete(upcase(record.name))
    this.#byShort.delete(record.short)
  }

  /** Points '..' of this directory to another parent; 0 means the root. */
  setParent(cluster: number): void {
    if (this.#bytes[ENTRY] !== 0x2e) return
    this.setEntry(1, { ...this.entry(1), firstCluster: cluster })
  }
}
