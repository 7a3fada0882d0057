import { corrupt, DiskError } from '../../error.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { Runlist } from '../layout/runlist.js'
import { releaseRuns } from '../volume/allocation.js'
import { addAttribute } from '../volume/attributes.js'
import type { Core, Flushable } from '../volume/core.js'
import { fitInode } from '../volume/fit.js'
import type { Inode } from '../volume/inode.js'
import { readStream, readWhole } from '../volume/stream.js'
import { setWhole, writeStream } from '../volume/stream-write.js'
import { type Collation, collationOf } from './collation.js'
import {
  blockCapacity,
  encodeBlock,
  encodeRoot,
  type IndexNode,
  IndexNode as Node,
  ROOT_VCN,
  type RootHeader,
  readBlock,
  readRoot,
} from './node.js'

/** A tree of 4 KiB blocks with 2^32 of the longest names has less than 11 levels. */
export const DEPTH_MAX = 20

/** Bytes of a $BITMAP that are held: blocks of a directory with more than 100 million names. */
const BITMAP_MAX = 16 * 1024 * 1024

/** Nodes kept in memory although they are not changed. */
const NODES_MAX = 4096

/**
 * The storage of one index: its root in $INDEX_ROOT, its blocks in $INDEX_ALLOCATION, and the $BITMAP of the blocks
 * in use. Changes stay in memory until `flush`.
 */
export class IndexTree implements Flushable {
  readonly core: Core
  readonly inode: Inode
  readonly name: string
  readonly header: RootHeader
  readonly collation: Collation
  readonly root: IndexNode
  readonly blockSize: number
  /** Bytes that one VCN of this index counts. */
  readonly unit: number
  /** Bytes for entries in a block. */
  readonly capacity: number
  readonly #rootAttribute: Attribute
  readonly #nodes = new Map<number, IndexNode>()
  #bitmap: Uint8Array | null = null
  #bitmapDirty = false
  #firstFree = 0
  #changed = false

  constructor(core: Core, inode: Inode, name: string) {
    this.core = core
    this.inode = inode
    this.name = name
    this.#rootAttribute = inode.need(AttributeType.INDEX_ROOT, name)
    const { header, node } = readRoot(this.#rootAttribute.value ?? new Uint8Array(0), 0)
    const { clusterSize } = core.storage.geometry
    const size = header.blockSize
    if (size < 512 || size > 2 ** 21 || !Number.isInteger(Math.log2(size))) {
      throw new DiskError('EUCLEAN', `index block size of ${inode.someName}`, {
        expected: '512..2097152',
        actual: size,
      })
    }
    const collation = collationOf(header.rule, core.upcase)
    if (collation === null) {
      throw new DiskError('EUCLEAN', `collation rule of ${inode.someName}:${name}`, { actual: header.rule })
    }
    this.header = header
    this.root = node
    this.collation = collation
    this.blockSize = size
    this.unit = clusterSize <= size ? clusterSize : 512
    this.capacity = blockCapacity(size)
  }

  /** Blocks that $INDEX_ALLOCATION has room for. */
  get blocks(): number {
    const allocation = this.inode.find(AttributeType.INDEX_ALLOCATION, this.name)
    return allocation === undefined ? 0 : Math.floor(allocation.dataSize / this.blockSize)
  }

  /** Blocks that can really be there: a damaged stream may promise more than its clusters hold. */
  get blocksOnDisk(): number {
    const runs = this.inode.find(AttributeType.INDEX_ALLOCATION, this.name)?.runs
    const bytes = (runs?.allocated ?? 0) * this.core.storage.geometry.clusterSize
    return Math.min(this.blocks, Math.ceil(bytes / this.blockSize))
  }

  /** The node at a VCN; the caller holds it no longer than its own operation. */
  node(vcn: number): IndexNode {
    if (vcn === ROOT_VCN) return this.root
    const known = this.#nodes.get(vcn)
    if (known !== undefined) return known
    const offset = vcn * this.unit
    if (offset % this.blockSize !== 0 || offset / this.blockSize >= this.blocks) {
      throw corrupt(
        `VCN of an index block of ${this.inode.someName}`,
        offset,
        `a block below ${this.blocks}`,
        vcn,
      )
    }
    const allocation = this.inode.need(AttributeType.INDEX_ALLOCATION, this.name)
    const bytes = new Uint8Array(this.blockSize)
    readStream(this.core.storage, allocation, offset, bytes, 0, bytes.length, 'cache')
    const node = readBlock(bytes, vcn, this.header.rule, offset)
    this.#nodes.set(vcn, node)
    return node
  }

  /** Drops nodes that can be read again. Only between operations. */
  trim(): void {
    if (this.#nodes.size <= NODES_MAX) return
    for (const [vcn, node] of this.#nodes) if (!node.dirty) this.#nodes.delete(vcn)
  }

  touch(node: IndexNode): void {
    node.dirty = true
    if (this.#changed) return
    this.#changed = true
    this.core.changedIndexes.add(this)
    // The inode must not leave memory while its index has changes.
    this.core.touch(this.inode)
  }

  /** The bits of blocks in use. */
  get bitmap(): Uint8Array {
    if (this.#bitmap === null) {
      const attribute = this.inode.find(AttributeType.BITMAP, this.name)
      const bytes =
        attribute === undefined ? new Uint8Array(8) : readWhole(this.core.storage, attribute, BITMAP_MAX)
      this.#bitmap = bytes
    }
    return this.#bitmap
  }

  #setBit(block: number, used: boolean): void {
    let bits = this.bitmap
    if (block >> 3 >= bits.length) {
      const larger = new Uint8Array(bits.length + 8)
      larger.set(bits)
      bits = larger
      this.#bitmap = larger
    }
    const mask = 1 << (block & 7)
    bits[block >> 3] = used ? (bits[block >> 3] as number) | mask : (bits[block >> 3] as number) & ~mask
    this.#bitmapDirty = true
  }

  #addAttributes(): Attribute {
    const found = this.inode.find(AttributeType.INDEX_ALLOCATION, this.name)
    if (found !== undefined) return found
    const allocation = new Attribute(AttributeType.INDEX_ALLOCATION, this.name, null)
    allocation.runs = new Runlist()
    addAttribute(this.core, this.inode, allocation)
    addAttribute(this.core, this.inode, new Attribute(AttributeType.BITMAP, this.name, new Uint8Array(8)))
    return allocation
  }

  /** A new, empty node on a free block. */
  allocate(): IndexNode {
    const allocation = this.#addAttributes()
    const bits = this.bitmap
    let block = this.#firstFree
    while (((bits[block >> 3] ?? 0) & (1 << (block & 7))) !== 0) block++
    this.#firstFree = block + 1
    if (block >= this.blocks) {
      // The stream grows by the block, so that it never ends inside of one; its bytes follow with the flush.
      writeStream(this.core, this.inode, allocation, block * this.blockSize, new Uint8Array(this.blockSize))
    }
    this.#setBit(block, true)
    const node = new Node((block * this.blockSize) / this.unit)
    this.#nodes.set(node.vcn, node)
    this.touch(node)
    return node
  }

  free(node: IndexNode): void {
    const block = (node.vcn * this.unit) / this.blockSize
    this.#setBit(block, false)
    this.#firstFree = Math.min(this.#firstFree, block)
    this.#nodes.delete(node.vcn)
    node.dirty = false
    this.touch(this.root)
  }

  /** Removes the block storage of an index that has become a root alone. */
  #dropBlocks(): void {
    const allocation = this.inode.find(AttributeType.INDEX_ALLOCATION, this.name)
    if (allocation === undefined) return
    for (const type of [AttributeType.INDEX_ALLOCATION, AttributeType.BITMAP]) {
      const attribute = this.inode.find(type, this.name)
      if (attribute === undefined) continue
      releaseRuns(this.core, attribute)
      this.inode.attributes.splice(this.inode.attributes.indexOf(attribute), 1)
    }
    this.#nodes.clear()
    this.#bitmap = null
    this.#bitmapDirty = false
    this.#firstFree = 0
  }

  /** Writes the root into its attribute, so that the inode's size is true. */
  syncRoot(): void {
    this.#rootAttribute.setValue(encodeRoot(this.header, this.root))
    this.core.touch(this.inode)
  }

  flush(): void {
    this.core.changedIndexes.delete(this)
    this.#changed = false
    if (this.inode.freed) return
    if (this.root.leaf) this.#dropBlocks()
    this.syncRoot()
    this.root.dirty = false
    const allocation = this.inode.find(AttributeType.INDEX_ALLOCATION, this.name)
    if (allocation !== undefined) {
      for (const node of this.#nodes.values()) {
        if (!node.dirty) continue
        node.dirty = false
        const bytes = encodeBlock(node, this.blockSize)
        writeStream(this.core, this.inode, allocation, node.vcn * this.unit, bytes)
      }
      if (this.#bitmapDirty) {
        setWhole(this.core, this.inode, this.inode.need(AttributeType.BITMAP, this.name), this.bitmap)
        this.#bitmapDirty = false
      }
    }
    fitInode(this.core, this.inode)
  }
}
