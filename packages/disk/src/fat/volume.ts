import { corrupt, DiskError } from '../error.js'
import { Lru } from '../lru.js'
import { CacheSource } from '../source/cache.js'
import type { BlockSource } from '../source/source.js'
import { type Chain, FatContent } from './content.js'
import { FatDirectory } from './directory.js'
import { ATTR, type DirRecord, type FatEntry } from './dirent.js'
import { type FatGeometry, readFatGeometry } from './geometry.js'
import { VolumePromises } from './promises.js'
import { FatTable } from './table.js'
import type { NodeInfo, TreeSpace, TreeVolume } from './tree.js'

export interface FatOpenOptions {
  /** Default: as the source is. FAT12 and FAT16 are always read-only here. */
  readOnly?: boolean
  /** The clock of new entries, milliseconds since 1970. Default: Date.now. */
  now?: () => number
  /** Bytes of the volume that are kept in memory, default 8 MiB. */
  cache?: number
}

/** A file or directory of a FAT volume. */
export interface FatNode {
  /** Key of the directory that names it; null for the root, and for a removed file that is still open. */
  parent: number | null
  slot: number
  entry: FatEntry
  chain: Chain
  /** How many open files hold it. */
  holders: number
  ino: number
}

/** Directories whose bytes are kept in memory, at most 2 MiB each. */
const DIRECTORIES = 16

/**
 * A FAT volume: FAT12, FAT16 and FAT32 are read, FAT32 is written. `fs` is its `node:fs/promises` face. What is
 * written is on the source after `sync` or `close`; until then the volume is marked as not cleanly unmounted.
 */
export class FatVolume implements TreeVolume<FatNode> {
  readonly geometry: FatGeometry
  readonly readOnly: boolean
  /** The volume was not cleanly unmounted when it was opened. Its mark then stays, for a check to look at. */
  readonly wasDirty: boolean
  readonly root: FatNode
  readonly fs: VolumePromises<FatNode>
  readonly #source: CacheSource
  readonly #table: FatTable
  readonly #content: FatContent
  readonly #directories = new Lru<number, FatDirectory>(DIRECTORIES)
  readonly #held = new Map<string, FatNode>()
  /** Removed files that are still open: their clusters belong to no name. */
  readonly #orphans = new Set<FatNode>()
  readonly #now: () => number
  #dirty = false

  private constructor(source: BlockSource, options: FatOpenOptions) {
    this.geometry = readFatGeometry(source)
    this.readOnly = options.readOnly === true || source.readOnly || this.geometry.bits !== 32
    this.#source = new CacheSource(source, { limit: options.cache ?? 8 << 20, unit: 4096, ownsBase: false })
    this.#table = new FatTable(this.#source, this.geometry)
    this.wasDirty = this.#table.dirty
    this.#content = new FatContent(this.#source, this.geometry, this.#table)
    this.#now = options.now ?? Date.now
    const firstCluster = this.geometry.rootCluster
    const entry = { attributes: ATTR.directory, firstCluster, size: 0, created: 0, accessed: 0, modified: 0 }
    const chain = { firstCluster, size: 0, runs: null }
    this.root = { parent: null, slot: 0, entry, chain, holders: 1, ino: 1 }
    this.fs = new VolumePromises(this)
  }

  /** Opens a volume; its partition is the source. `EUCLEAN` when it is not FAT or damaged. The source stays open. */
  static openSync(source: BlockSource, options: FatOpenOptions = {}): FatVolume {
    return new FatVolume(source, options)
  }

  get clusterSize(): number {
    return this.geometry.clusterSize
  }

  /** The volume label, or an empty text. */
  get label(): string {
    return this.#directory(this.geometry.rootCluster).label ?? ''
  }

  #directory(key: number): FatDirectory {
    let directory = this.#directories.get(key)
    if (directory === undefined) {
      directory = new FatDirectory(this.#source, this.geometry, this.#table, key)
      this.#directories.set(key, directory)
    }
    return directory
  }

  /** The key of a directory node's content. A subdirectory may not name the root or nothing as its cluster. */
  #keyOf(node: FatNode): number {
    if (node === this.root) return this.geometry.rootCluster
    if ((node.entry.attributes & ATTR.directory) === 0) throw new DiskError('ENOTDIR', 'not a directory')
    if (node.entry.firstCluster >= 2) return node.entry.firstCluster
    throw corrupt('the first cluster of a directory', node.ino * 32, 'at least 2', node.entry.firstCluster)
  }

  #node(parent: FatDirectory, slot: number): FatNode {
    const held = this.#held.get(`${parent.key}:${slot}`)
    if (held !== undefined) return held
    const entry = parent.entry(slot)
    const chain = { firstCluster: entry.firstCluster, size: entry.size, runs: null }
    return { parent: parent.key, slot, entry, chain, holders: 0, ino: parent.position(slot) / 32 }
  }

  lookup(dir: FatNode, name: string): FatNode | null {
    const directory = this.#directory(this.#keyOf(dir))
    const record = directory.find(name)
    return record === null ? null : this.#node(directory, record.slot)
  }

  list(dir: FatNode): { name: string; node: FatNode }[] {
    const directory = this.#directory(this.#keyOf(dir))
    return directory.records().map(({ name, slot }) => ({ name, node: this.#node(directory, slot) }))
  }

  info(node: FatNode): NodeInfo {
    const directory = (node.entry.attributes & ATTR.directory) !== 0
    const { created, accessed, modified, attributes } = node.entry
    const size = directory ? this.#directory(this.#keyOf(node)).size : node.chain.size
    const allocated = directory ? size : this.#content.allocated(node.chain)
    const readOnly = !directory && (attributes & ATTR.readOnly) !== 0
    return { directory, size, allocated, ino: node.ino, readOnly, attributes, created, accessed, modified }
  }

  read(node: FatNode, position: number, buffer: Uint8Array, offset: number, length: number): number {
    this.#mustBeFile(node)
    return this.#content.read(node.chain, position, buffer, offset, length)
  }

  #mustBeFile(node: FatNode): void {
    if ((node.entry.attributes & ATTR.directory) !== 0) throw new DiskError('EISDIR', 'is a directory')
  }

  /** Before a change: refuses on a read-only volume, and marks the volume before anything else reaches the medium. */
  #change(): void {
    if (this.readOnly) {
      const why =
        this.geometry.bits === 32 ? 'the volume is open read-only' : `FAT${this.geometry.bits} is only read`
      throw new DiskError('EROFS', why)
    }
    if (this.#dirty) return
    this.#dirty = true
    this.#table.markDirty(true)
    this.#source.barrier()
  }

  /** Writes a node's chain and times into its entry. */
  #save(node: FatNode, to: Partial<FatEntry>): void {
    Object.assign(node.entry, to)
    if (node.parent === null) return
    if ((node.entry.attributes & ATTR.directory) === 0) {
      node.entry.firstCluster = node.chain.firstCluster
      node.entry.size = node.chain.size
    }
    this.#directory(node.parent).setEntry(node.slot, node.entry)
  }

  write(node: FatNode, position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#mustBeFile(node)
    this.#change()
    try {
      this.#content.write(node.chain, position, buffer, offset, length)
    } finally {
      this.#save(node, { modified: this.#now(), attributes: node.entry.attributes | ATTR.archive })
    }
  }

  truncate(node: FatNode, size: number): void {
    this.#mustBeFile(node)
    this.#change()
    try {
      this.#content.truncate(node.chain, size)
    } finally {
      this.#save(node, { modified: this.#now(), attributes: node.entry.attributes | ATTR.archive })
    }
  }

  create(dir: FatNode, name: string, directory: boolean): FatNode {
    this.#change()
    const parent = this.#directory(this.#keyOf(dir))
    if (parent.find(name) !== null) throw new DiskError('EEXIST', 'the name exists:', { path: name })
    const now = this.#now()
    const times = { created: now, accessed: now, modified: now }
    const attributes = directory ? ATTR.directory : ATTR.archive
    const record = parent.add(name, { attributes, firstCluster: 0, size: 0, ...times })
    const node = this.#node(parent, record.slot)
    if (!directory) return node
    try {
      node.chain.firstCluster = this.#newDirectory(parent, times)
    } catch (error) {
      parent.remove(record)
      throw error
    }
    this.#save(node, { firstCluster: node.chain.firstCluster })
    return node
  }

  /** A cluster with '.' and '..', the latter 0 for a parent that is the root. */
  #newDirectory(
    parent: FatDirectory,
    times: { created: number; accessed: number; modified: number },
  ): number {
    const { clusterSize, dataStart, rootCluster } = this.geometry
    const cluster = this.#table.allocate(1, 0)[0]?.first ?? 0
    this.#source.writeSync(dataStart + (cluster - 2) * clusterSize, dots(clusterSize))
    const directory = this.#directory(cluster)
    const entry = { attributes: ATTR.directory, size: 0, ...times }
    directory.setEntry(0, { ...entry, firstCluster: cluster })
    directory.setEntry(1, { ...entry, firstCluster: parent.key === rootCluster ? 0 : parent.key })
    return cluster
  }

  #mustFind(directory: FatDirectory, name: string): DirRecord {
    const record = directory.find(name)
    if (record === null) throw new DiskError('ENOENT', 'no such file or directory:', { path: name })
    return record
  }

  #mustBeEmpty(node: FatNode): void {
    if (this.#directory(this.#keyOf(node)).empty) return
    throw new DiskError('ENOTEMPTY', 'the directory is not empty')
  }

  remove(dir: FatNode, name: string): void {
    const parent = this.#directory(this.#keyOf(dir))
    const record = this.#mustFind(parent, name)
    const node = this.#node(parent, record.slot)
    const directory = (node.entry.attributes & ATTR.directory) !== 0
    if (directory) this.#mustBeEmpty(node)
    this.#change()
    parent.remove(record)
    this.#held.delete(`${parent.key}:${record.slot}`)
    node.parent = null
    if (directory) {
      this.#directories.delete(node.entry.firstCluster)
      this.#table.cut(node.entry.firstCluster, 0)
    } else if (node.holders === 0) this.#content.free(node.chain)
    else this.#orphans.add(node)
  }

  rename(from: FatNode, name: string, to: FatNode, newName: string): void {
    const source = this.#directory(this.#keyOf(from))
    const target = this.#directory(this.#keyOf(to))
    const record = this.#mustFind(source, name)
    const node = this.#node(source, record.slot)
    const directory = (node.entry.attributes & ATTR.directory) !== 0
    if (directory) this.#refuseInside(node.entry.firstCluster, target)
    const existing = target.find(newName)
    if (existing !== null && !(source === target && existing.slot === record.slot)) {
      const replaced = this.#node(target, existing.slot)
      const isDirectory = (replaced.entry.attributes & ATTR.directory) !== 0
      if (directory && !isDirectory)
        throw new DiskError('ENOTDIR', 'the target is not a directory:', { path: newName })
      if (!directory && isDirectory)
        throw new DiskError('EISDIR', 'the target is a directory:', { path: newName })
      this.remove(to, existing.name)
    }
    this.#change()
    source.remove(record)
    let made: DirRecord
    try {
      made = target.add(newName, node.entry)
    } catch (error) {
      node.slot = source.add(record.name, node.entry).slot
      throw error
    }
    this.#held.delete(`${source.key}:${record.slot}`)
    node.parent = target.key
    node.slot = made.slot
    if (node.holders > 0) this.#held.set(`${target.key}:${made.slot}`, node)
    if (directory && source !== target) {
      this.#directory(node.entry.firstCluster).setParent(
        target.key === this.geometry.rootCluster ? 0 : target.key,
      )
    }
  }

  /** A directory may not move into itself: walks the '..' entries up, a loop of which ends it too. */
  #refuseInside(cluster: number, target: FatDirectory): void {
    const seen = new Set<number>()
    for (let key = target.key; key !== this.geometry.rootCluster && !seen.has(key); ) {
      if (key === cluster) throw new DiskError('EINVAL', 'a directory cannot move into itself')
      seen.add(key)
      key = this.#directory(key).entry(1).firstCluster || this.geometry.rootCluster
    }
  }

  setTimes(node: FatNode, accessed: number, modified: number): void {
    this.#change()
    this.#save(node, { accessed, modified })
  }

  setReadOnly(node: FatNode, readOnly: boolean): void {
    this.#change()
    const { attributes } = node.entry
    this.#save(node, { attributes: readOnly ? attributes | ATTR.readOnly : attributes & ~ATTR.readOnly })
  }

  /** Sets the DOS attributes read-only, hidden, system and archive. */
  setAttributes(node: FatNode, attributes: number): void {
    this.#change()
    const settable = ATTR.readOnly | ATTR.hidden | ATTR.system | ATTR.archive
    this.#save(node, { attributes: (node.entry.attributes & ~settable) | (attributes & settable) })
  }

  retain(node: FatNode): void {
    node.holders++
    if (node.parent !== null) this.#held.set(`${node.parent}:${node.slot}`, node)
  }

  release(node: FatNode): void {
    if (--node.holders > 0) return
    if (node.parent !== null) this.#held.delete(`${node.parent}:${node.slot}`)
    else if (this.#orphans.delete(node)) {
      this.#change()
      this.#content.free(node.chain)
    }
  }

  space(): TreeSpace {
    const { clusterSize, clusters } = this.geometry
    const bfree = this.#table.free
    return { bsize: clusterSize, blocks: clusters, bfree, bavail: bfree, files: 0, ffree: 0, type: 0x4d44 }
  }

  /** Writes everything to the source, durably; the volume is then clean, unless it was not when it was opened. */
  sync(): void {
    if (!this.#dirty) return
    this.#table.writeInfo()
    this.#source.barrier()
    const clean = !this.wasDirty && this.#orphans.size === 0
    if (clean) this.#table.markDirty(false)
    this.#source.flushSync()
    this.#dirty = !clean
  }

  /** `sync`, and forgets what is in memory. The source stays open. */
  closeSync(): void {
    for (const node of this.#orphans) this.#content.free(node.chain)
    this.#orphans.clear()
    this.#held.clear()
    this.sync()
    this.#source.closeSync()
  }

  async close(): Promise<void> {
    this.closeSync()
  }
}

/** A cluster with the names '.' and '..'. */
function dots(clusterSize: number): Uint8Array {
  const bytes = new Uint8Array(clusterSize)
  bytes.fill(0x20, 0, 11)
  bytes.fill(0x20, 32, 43)
  bytes[0] = 0x2e
  bytes[32] = 0x2e
  bytes[33] = 0x2e
  return bytes
}
