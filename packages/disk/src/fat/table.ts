import { ascii, le16, le32, putLe32 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import type { BlockSource } from '../source/source.js'
import type { FatGeometry } from './geometry.js'

/** Clusters in a row. */
export interface Run {
  first: number
  count: number
}

/** Bytes of table that the first and the later steps of a search read. */
const FIRST_STEP = 256
const STEP = 65536
const FREE = 0

/** The file allocation table: chains of clusters, allocation, the count of free ones. */
export class FatTable {
  readonly #source: BlockSource
  readonly #g: FatGeometry
  readonly #end: number
  readonly #word = new Uint8Array(4)
  /** Where the next search for free clusters begins. */
  #next = 2
  #free: number | null = null

  constructor(source: BlockSource, geometry: FatGeometry) {
    this.#source = source
    this.#g = geometry
    this.#end = geometry.bits === 12 ? 0xff8 : geometry.bits === 16 ? 0xfff8 : 0x0fff_fff8
  }

  get #base(): number {
    return this.#g.fatStart + (this.#g.activeFat ?? 0) * this.#g.fatSize
  }

  /** Entry `cluster`, the four reserved bits of FAT32 masked. */
  get(cluster: number): number {
    if (this.#g.bits === 32) {
      this.#source.readSync(this.#base + cluster * 4, this.#word)
      return le32(this.#word, 0) & 0x0fff_ffff
    }
    const at = this.#g.bits === 16 ? cluster * 2 : Math.floor(cluster * 1.5)
    this.#source.readSync(this.#base + at, this.#word, 0, 2)
    const value = le16(this.#word, 0)
    if (this.#g.bits === 16) return value
    return cluster % 2 === 1 ? value >> 4 : value & 0xfff
  }

  /** Sets entry `cluster` of a FAT32 in every table that is in use; the reserved bits stay. */
  #set(cluster: number, value: number): void {
    this.#source.readSync(this.#base + cluster * 4, this.#word)
    putLe32(this.#word, 0, ((le32(this.#word, 0) & 0xf000_0000) | value) >>> 0)
    for (let i = 0; i < this.#g.fatCount; i++) {
      if (this.#g.activeFat !== null && i !== this.#g.activeFat) continue
      this.#source.writeSync(this.#g.fatStart + i * this.#g.fatSize + cluster * 4, this.#word)
    }
  }

  #valid(cluster: number): boolean {
    return cluster >= 2 && cluster < this.#g.clusters + 2
  }

  /**
   * The runs of a chain, read up to `most` clusters. `EUCLEAN` when the chain leaves the volume or is longer than that:
   * a loop, or a chain that does not fit its file.
   */
  runs(first: number, most: number, exact: boolean): Run[] {
    const runs: Run[] = []
    let count = 0
    for (let cluster = first; cluster < this.#end; ) {
      if (!this.#valid(cluster)) {
        const position = this.#base + Math.floor((first * this.#g.bits) / 8)
        throw corrupt(
          `the cluster chain from ${first}`,
          position,
          `2..${this.#g.clusters + 1} or an end`,
          cluster,
        )
      }
      if (count === most) {
        if (!exact) break
        throw corrupt(
          `the cluster chain from ${first} loops or is too long`,
          this.#base,
          `at most ${most} clusters`,
        )
      }
      count++
      const last = runs[runs.length - 1]
      if (last !== undefined && last.first + last.count === cluster) last.count++
      else runs.push({ first: cluster, count: 1 })
      cluster = this.get(cluster)
    }
    return runs
  }

  /** Runs of free clusters from `from` up to `to`; ends with the first that has `enough`, which may go on. */
  *#freeRuns(from: number, to: number, enough = Number.POSITIVE_INFINITY): Generator<Run> {
    let run: Run | null = null
    // Most searches end soon: the steps begin small and grow.
    let step = FIRST_STEP
    for (let cluster = from; cluster < to; step = Math.min(step * 4, STEP)) {
      const count = Math.min(step / 4, to - cluster)
      const bytes = new Uint8Array(count * 4)
      this.#source.readSync(this.#base + cluster * 4, bytes)
      const words = new DataView(bytes.buffer)
      for (let i = 0; i < count; i++, cluster++) {
        const free = (words.getUint32(i * 4, true) & 0x0fff_ffff) === FREE
        if (free && run === null) run = { first: cluster, count: 1 }
        else if (free && run !== null) run.count++
        else if (run !== null) {
          yield run
          run = null
        }
        if (run !== null && run.count >= enough) {
          yield run
          return
        }
      }
    }
    if (run !== null) yield run
  }

  /** Free clusters. Counted once by reading the table, because FSInfo is a hint that other systems get wrong. */
  get free(): number {
    if (this.#free === null) {
      let free = 0
      if (this.#g.bits === 32) for (const run of this.#freeRuns(2, this.#g.clusters + 2)) free += run.count
      else
        for (let cluster = 2; cluster < this.#g.clusters + 2; cluster++)
          if (this.get(cluster) === FREE) free++
      this.#free = free
    }
    return this.#free
  }

  /**
   * Takes `count` clusters, in one run where there is one, and links them behind `after` (0: a new chain).
   *
   * @returns the runs, in order. `ENOSPC` when fewer are free; then nothing is taken.
   */
  allocate(count: number, after: number): Run[] {
    if (count > this.free) {
      const expected = `${count} free clusters of ${this.#g.clusterSize} bytes`
      throw new DiskError('ENOSPC', 'the FAT volume is full', { expected, actual: this.free })
    }
    const taken = this.#search(count, after)
    let previous = after
    for (const { first, count: length } of taken) {
      for (let i = 0; i < length; i++) {
        if (previous !== 0) this.#set(previous, first + i)
        previous = first + i
      }
    }
    this.#set(previous, 0x0fff_ffff)
    this.#free = this.free - count
    this.#next = previous + 1
    return taken
  }

  /** Straight behind the file's end if that is free, else the first run that is long enough, else pieces in order. */
  #search(count: number, after: number): Run[] {
    const end = this.#g.clusters + 2
    if (after !== 0 && after + count < end) {
      const [behind] = this.#freeRuns(after + 1, after + 1 + count)
      if (behind?.first === after + 1 && behind.count === count) return [behind]
    }
    const from = this.#next < end ? this.#next : 2
    const pieces: Run[] = []
    let gathered = 0
    for (const [start, stop] of [
      [from, end],
      [2, from],
    ] as const) {
      for (const run of this.#freeRuns(start, stop, count)) {
        if (run.count >= count) return [{ first: run.first, count }]
        if (gathered < count) pieces.push({ first: run.first, count: Math.min(run.count, count - gathered) })
        gathered += run.count
      }
    }
    return pieces
  }

  /** Ends a chain at `last` and frees what follows; with `last` 0 frees the chain from `first`. A loop ends it too. */
  cut(first: number, last: number): void {
    let cluster = last === 0 ? first : this.get(last)
    if (last !== 0) this.#set(last, 0x0fff_ffff)
    while (this.#valid(cluster)) {
      const next = this.get(cluster)
      if (next === FREE) break
      this.#set(cluster, FREE)
      if (this.#free !== null) this.#free++
      this.#next = Math.min(this.#next, cluster)
      cluster = next
    }
  }

  /** Writes the hints of the FSInfo sector of FAT32, if the sector that the volume names is one. */
  writeInfo(): void {
    if (this.#g.fsInfo === null) return
    const info = new Uint8Array(512)
    this.#source.readSync(this.#g.fsInfo, info)
    if (ascii(info, 0, 4) !== 'RRaA' || ascii(info, 484, 4) !== 'rrAa') return
    putLe32(info, 488, this.free)
    putLe32(info, 492, this.#next < this.#g.clusters + 2 ? this.#next : 2)
    this.#source.writeSync(this.#g.fsInfo, info)
  }

  /** True when either mark of `markDirty` is set. */
  get dirty(): boolean {
    if (this.#g.bits !== 32) return false
    const clean = (this.get(1) & 0x0800_0000) !== 0
    this.#source.readSync(65, this.#word, 0, 1)
    return !clean || ((this.#word[0] ?? 0) & 1) !== 0
  }

  /**
   * Sets or clears the marks of a volume that was not unmounted: bit 27 of entry 1, and bit 0 of byte 65 of the boot
   * sector, which Linux uses.
   */
  markDirty(dirty: boolean): void {
    const entry = this.get(1)
    this.#set(1, dirty ? entry & ~0x0800_0000 : entry | 0x0800_0000)
    this.#source.readSync(65, this.#word, 0, 1)
    this.#word[0] = dirty ? (this.#word[0] ?? 0) | 1 : (this.#word[0] ?? 0) & ~1
    this.#source.writeSync(65, this.#word, 0, 1)
  }
}
