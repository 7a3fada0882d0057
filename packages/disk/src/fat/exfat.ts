import { le32 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { Lru } from '../lru.js'
import { CacheSource } from '../source/cache.js'
import type { BlockSource } from '../source/source.js'
import { type ExfatGeometry, readExfatGeometry } from './exfat-boot.js'
import {
  type ExfatExtent,
  type ExfatFile,
  type ExfatListing,
  parseExfatDirectory,
  parseUpcase,
} from './exfat-dir.js'
import { VolumePromises } from './promises.js'
import type { Run } from './table.js'
import type { NodeInfo, TreeSpace, TreeVolume } from './tree.js'

/** Largest directory of the format, section 7.4 of the specification; also what one may cost in memory. */
const LARGEST_DIRECTORY = 256 << 20
/** An up-case table maps 65536 units. */
const LARGEST_UPCASE = 131072
const DIRECTORIES = 16
const END = 0xffff_ffff
const DIRECTORY = 16

interface Directory extends ExfatListing {
  size: number
  byName: Map<string, ExfatFile>
}

const ROOT: Omit<ExfatFile, 'firstCluster'> = {
  name: '',
  contiguous: false,
  length: 0,
  validLength: 0,
  attributes: DIRECTORY,
  created: 0,
  modified: 0,
  accessed: 0,
  ino: 1,
}

/** An exFAT volume, read only. `fs` is its `node:fs/promises` face. */
export class ExfatVolume implements TreeVolume<ExfatFile> {
  readonly readOnly = true
  readonly geometry: ExfatGeometry
  readonly root: ExfatFile
  readonly fs: VolumePromises<ExfatFile>
  readonly #source: CacheSource
  readonly #directories = new Lru<number, Directory>(DIRECTORIES)
  readonly #chains = new Lru<number, Run[]>(DIRECTORIES)
  readonly #upcase: Uint16Array
  readonly #bitmap: ExfatExtent | null
  #free: number | null = null

  private constructor(source: BlockSource, cache: number) {
    this.geometry = readExfatGeometry(source)
    this.#source = new CacheSource(source, { limit: cache, unit: 4096, ownsBase: false })
    this.root = { ...ROOT, firstCluster: this.geometry.rootCluster }
    this.#upcase = new Uint16Array(0)
    const { upcase, bitmap } = this.#load(this.root)
    this.#bitmap = bitmap
    if (upcase === null)
      throw corrupt('the root directory of an exFAT volume', this.#place(this.root), 'an up-case table')
    const length = upcase.length ?? 0
    if (length > LARGEST_UPCASE)
      throw corrupt('the exFAT up-case table', 0, `at most ${LARGEST_UPCASE} bytes`, length)
    this.#upcase = parseUpcase(this.#bytes(upcase), upcase.checksum, this.#place(upcase))
    this.fs = new VolumePromises(this)
  }

  /** Opens a volume. `EUCLEAN` when it is not exFAT or damaged. The source stays open. */
  static openSync(source: BlockSource, options: { cache?: number } = {}): ExfatVolume {
    return new ExfatVolume(source, options.cache ?? 8 << 20)
  }

  get clusterSize(): number {
    return this.geometry.clusterSize
  }

  get label(): string {
    return this.#directory(this.root).label
  }

  #place(extent: ExfatExtent): number {
    return this.geometry.dataStart + (extent.firstCluster - 2) * this.geometry.clusterSize
  }

  /** The runs of a content; a loop, a cluster outside or a chain that ends early is `EUCLEAN`. */
  #runs(extent: ExfatExtent): Run[] {
    const { clusters, clusterSize, fatStart } = this.geometry
    const { firstCluster, contiguous, length } = extent
    const count =
      length === null ? Math.min(clusters, LARGEST_DIRECTORY / clusterSize) : Math.ceil(length / clusterSize)
    if (count === 0) return []
    const position = fatStart + firstCluster * 4
    if (count > clusters)
      throw corrupt('an exFAT data length', position, `at most ${clusters} clusters`, count)
    if (contiguous) {
      if (firstCluster >= 2 && firstCluster + count <= clusters + 2) return [{ first: firstCluster, count }]
      throw corrupt(
        'a contiguous exFAT content',
        position,
        `clusters 2..${clusters + 1}`,
        `${firstCluster}+${count}`,
      )
    }
    const cached = this.#chains.get(firstCluster)
    if (cached !== undefined && cached.reduce((sum, run) => sum + run.count, 0) === count) return cached
    const runs = this.#chain(firstCluster, count, length === null)
    this.#chains.set(firstCluster, runs)
    return runs
  }

  #chain(first: number, count: number, open: boolean): Run[] {
    const { clusters, fatStart } = this.geometry
    const runs: Run[] = []
    const word = new Uint8Array(4)
    let cluster = first
    for (let done = 0; open || done < count; done++) {
      if (open && cluster === END) break
      if (cluster < 2 || cluster >= clusters + 2 || done === count) {
        throw corrupt(
          `the exFAT cluster chain from ${first}`,
          fatStart + first * 4,
          `${count} clusters`,
          cluster,
        )
      }
      const last = runs[runs.length - 1]
      if (last !== undefined && last.first + last.count === cluster) last.count++
      else runs.push({ first: cluster, count: 1 })
      this.#source.readSync(fatStart + cluster * 4, word)
      cluster = le32(word, 0)
    }
    return runs
  }

  #readAt(extent: ExfatExtent, position: number, buffer: Uint8Array, offset: number, length: number): void {
    const { clusterSize, dataStart } = this.geometry
    let start = 0
    for (const run of this.#runs(extent)) {
      const bytes = run.count * clusterSize
      const from = Math.max(position, start)
      const end = Math.min(position + length, start + bytes)
      const at = dataStart + (run.first - 2) * clusterSize + (from - start)
      if (from < end) this.#source.readSync(at, buffer, offset + from - position, end - from)
      start += bytes
    }
  }

  #bytes(extent: ExfatExtent): Uint8Array {
    const runs = this.#runs(extent)
    const whole = runs.reduce((sum, run) => sum + run.count, 0) * this.geometry.clusterSize
    const bytes = new Uint8Array(Math.min(whole, extent.length ?? whole))
    this.#readAt(extent, 0, bytes, 0, bytes.length)
    return bytes
  }

  #fold(name: string): string {
    let folded = ''
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i)
      folded += String.fromCharCode(this.#upcase[unit] ?? unit)
    }
    return folded
  }

  #load(node: ExfatFile): ExfatListing & { size: number } {
    const extent = node === this.root ? { ...node, length: null } : node
    if (node.length > LARGEST_DIRECTORY) {
      throw corrupt(
        'the size of an exFAT directory',
        node.ino * 32,
        `at most ${LARGEST_DIRECTORY}`,
        node.length,
      )
    }
    const bytes = this.#bytes(extent)
    const runs = this.#runs(extent)
    const { clusterSize, dataStart } = this.geometry
    const place = (at: number) => {
      let start = 0
      for (const run of runs) {
        const length = run.count * clusterSize
        if (at < start + length) return dataStart + (run.first - 2) * clusterSize + at - start
        start += length
      }
      return 0
    }
    return { ...parseExfatDirectory(bytes, place), size: bytes.length }
  }

  #directory(node: ExfatFile): Directory {
    if ((node.attributes & DIRECTORY) === 0) throw new DiskError('ENOTDIR', 'not a directory')
    const cached = this.#directories.get(node.ino)
    if (cached !== undefined) return cached
    const listing = this.#load(node)
    const byName = new Map<string, ExfatFile>()
    for (const file of listing.files) {
      const key = this.#fold(file.name)
      if (!byName.has(key)) byName.set(key, file)
    }
    const directory = { ...listing, byName }
    this.#directories.set(node.ino, directory)
    return directory
  }

  lookup(dir: ExfatFile, name: string): ExfatFile | null {
    return this.#directory(dir).byName.get(this.#fold(name)) ?? null
  }

  list(dir: ExfatFile): { name: string; node: ExfatFile }[] {
    return [...this.#directory(dir).byName.values()].map((node) => ({ name: node.name, node }))
  }

  info(node: ExfatFile): NodeInfo {
    const directory = (node.attributes & DIRECTORY) !== 0
    const { clusterSize } = this.geometry
    const size = node === this.root ? this.#directory(node).size : node.length
    const { ino, attributes, accessed, modified, created } = node
    const allocated = Math.ceil(size / clusterSize) * clusterSize
    const readOnly = !directory && (attributes & 1) !== 0
    return { directory, size, allocated, ino, readOnly, attributes, accessed, modified, created }
  }

  read(node: ExfatFile, position: number, buffer: Uint8Array, offset: number, length: number): number {
    if ((node.attributes & DIRECTORY) !== 0) throw new DiskError('EISDIR', 'is a directory')
    const most = Math.min(length, node.length - position)
    if (most <= 0) return 0
    const written = Math.max(0, Math.min(most, node.validLength - position))
    this.#readAt(node, position, buffer, offset, written)
    buffer.fill(0, offset + written, offset + most)
    return most
  }

  space(): TreeSpace {
    this.#free ??= this.#countFree()
    const { clusterSize: bsize, clusters: blocks } = this.geometry
    return { bsize, blocks, bfree: this.#free, bavail: this.#free, files: 0, ffree: 0, type: 0x2011bab0 }
  }

  /** Clusters whose bit in the allocation bitmap is clear. */
  #countFree(): number {
    const { clusters } = this.geometry
    if (this.#bitmap === null || (this.#bitmap.length ?? 0) * 8 < clusters) {
      throw corrupt(
        'the exFAT allocation bitmap',
        this.#place(this.root),
        `${clusters} bits`,
        this.#bitmap?.length,
      )
    }
    let free = 0
    const piece = new Uint8Array(65536)
    for (let bit = 0; bit < clusters; bit += piece.length * 8) {
      const bits = Math.min(piece.length * 8, clusters - bit)
      this.#readAt(this.#bitmap, bit / 8, piece, 0, Math.ceil(bits / 8))
      for (let i = 0; i < bits; i++) if (((piece[i >> 3] ?? 0) & (1 << (i & 7))) === 0) free++
    }
    return free
  }

  #refuse(): never {
    throw new DiskError('EROFS', 'exFAT volumes are only read here')
  }

  write(): void {
    this.#refuse()
  }

  truncate(): void {
    this.#refuse()
  }

  create(): ExfatFile {
    this.#refuse()
  }

  remove(): void {
    this.#refuse()
  }

  rename(): void {
    this.#refuse()
  }

  setTimes(): void {
    this.#refuse()
  }

  setReadOnly(): void {
    this.#refuse()
  }

  /** Nothing changes here, so nothing needs to be held. */
  retain(): void {}

  release(): void {}

  sync(): void {}

  closeSync(): void {
    this.#source.closeSync()
  }

  async close(): Promise<void> {
    this.closeSync()
  }
}
