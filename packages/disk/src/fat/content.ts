import { corrupt, DiskError } from '../error.js'
import type { BlockSource } from '../source/source.js'
import type { FatGeometry } from './geometry.js'
import type { FatTable, Run } from './table.js'

/** Largest file: its size is a field of 32 bits. */
export const LARGEST_FILE = 0xffff_ffff

/** Where a file's bytes are. `runs` is null until they are asked for. */
export interface Chain {
  firstCluster: number
  size: number
  runs: Run[] | null
}

/** Reads and changes the bytes of files; changes `firstCluster`, `size` and `runs` of the chain given. */
export class FatContent {
  readonly #source: BlockSource
  readonly #g: FatGeometry
  readonly #table: FatTable
  readonly #zeros: Uint8Array

  constructor(source: BlockSource, geometry: FatGeometry, table: FatTable) {
    this.#source = source
    this.#g = geometry
    this.#table = table
    this.#zeros = new Uint8Array(Math.max(65536, geometry.clusterSize))
  }

  #clustersFor(size: number): number {
    return Math.ceil(size / this.#g.clusterSize)
  }

  #runs(chain: Chain): Run[] {
    if (chain.runs !== null) return chain.runs
    const count = this.#clustersFor(chain.size)
    chain.runs =
      count === 0 || chain.firstCluster === 0 ? [] : this.#table.runs(chain.firstCluster, count, false)
    if (chain.runs.reduce((sum, run) => sum + run.count, 0) < count) {
      const expected = `${count} clusters for ${chain.size} bytes`
      chain.runs = null
      throw corrupt(`the cluster chain from ${chain.firstCluster} is too short`, this.#g.fatStart, expected)
    }
    return chain.runs
  }

  /** Disk positions of a range that lies within the chain. */
  *#parts(
    runs: Run[],
    position: number,
    length: number,
  ): Generator<{ at: number; done: number; part: number }> {
    let start = 0
    for (const run of runs) {
      const bytes = run.count * this.#g.clusterSize
      const from = Math.max(position, start)
      const end = Math.min(position + length, start + bytes)
      const at = this.#g.dataStart + (run.first - 2) * this.#g.clusterSize + (from - start)
      if (from < end) yield { at, done: from - position, part: end - from }
      start += bytes
      if (start >= position + length) return
    }
  }

  read(chain: Chain, position: number, buffer: Uint8Array, offset: number, length: number): number {
    const most = Math.min(length, chain.size - position)
    if (most <= 0) return 0
    for (const { at, done, part } of this.#parts(this.#runs(chain), position, most)) {
      this.#source.readSync(at, buffer, offset + done, part)
    }
    return most
  }

  write(chain: Chain, position: number, buffer: Uint8Array, offset: number, length: number): void {
    if (length === 0) return
    this.#extend(chain, position + length)
    if (position > chain.size) this.#zero(chain, chain.size, position)
    for (const { at, done, part } of this.#parts(this.#runs(chain), position, length)) {
      this.#source.writeSync(at, buffer, offset + done, part)
    }
    chain.size = Math.max(chain.size, position + length)
  }

  /** Takes the clusters that `size` bytes need; the chain's size stays. */
  #extend(chain: Chain, size: number): void {
    if (size > LARGEST_FILE) {
      throw new DiskError('EFBIG', 'a file on FAT', {
        expected: `at most ${LARGEST_FILE} bytes`,
        actual: size,
      })
    }
    const runs = this.#runs(chain)
    const have = runs.reduce((sum, run) => sum + run.count, 0)
    const missing = this.#clustersFor(size) - have
    if (missing <= 0) return
    const end = runs[runs.length - 1]
    const last = end === undefined ? 0 : end.first + end.count - 1
    // Clusters that other systems keep behind the end of a file go back first, or they would be lost.
    if (last !== 0) this.#table.cut(chain.firstCluster, last)
    else if (chain.firstCluster !== 0) this.#table.cut(chain.firstCluster, 0)
    const taken = this.#table.allocate(missing, last)
    if (last === 0) chain.firstCluster = taken[0]?.first ?? 0
    chain.runs = [...runs, ...taken]
  }

  #zero(chain: Chain, from: number, to: number): void {
    for (const { at, part } of this.#parts(chain.runs ?? [], from, to - from)) {
      for (let done = 0; done < part; done += this.#zeros.length) {
        this.#source.writeSync(at + done, this.#zeros, 0, Math.min(this.#zeros.length, part - done))
      }
    }
  }

  truncate(chain: Chain, size: number): void {
    if (size > chain.size) {
      this.#extend(chain, size)
      this.#zero(chain, chain.size, size)
      chain.size = size
      return
    }
    const keep = this.#clustersFor(size)
    if (keep === 0) {
      this.free(chain)
      return
    }
    const runs: Run[] = []
    let left = keep
    for (const run of this.#runs(chain)) {
      if (left <= 0) break
      runs.push({ first: run.first, count: Math.min(run.count, left) })
      left -= run.count
    }
    const end = runs[runs.length - 1] as Run
    this.#table.cut(chain.firstCluster, end.first + end.count - 1)
    chain.runs = runs
    chain.size = size
  }

  /** Gives all clusters back. */
  free(chain: Chain): void {
    if (chain.firstCluster !== 0) this.#table.cut(chain.firstCluster, 0)
    chain.firstCluster = 0
    chain.size = 0
    chain.runs = []
  }

  allocated(chain: Chain): number {
    return this.#clustersFor(chain.size) * this.#g.clusterSize
  }
}
