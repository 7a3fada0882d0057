import { corrupt } from '../../error.js'
import { setU16, setU32, setU64, u16, u32, u64 } from '../layout/bytes.js'
import { checkFileName } from '../layout/file-name.js'
import { applyFixups, fixupCount, nextFixup, removeFixups } from '../layout/fixup.js'
import { CollationRule, ENTRY_HEADER } from './collation.js'

/** Flags of an index entry. */
const HAS_CHILD = 1
const IS_END = 2

/** Index header: first entry, bytes in use, bytes allocated, flags; offsets count from the header. */
const HEADER = 16
/** Where the index header stands in $INDEX_ROOT and in an INDX block. */
const ROOT_HEADER = 0x10
const BLOCK_HEADER = 0x18
const BLOCK_USA = 0x28
const INDX_MAGIC = 0x5844_4e49

/** VCN that stands for the node inside of $INDEX_ROOT. */
export const ROOT_VCN = -1

/**
 * One node of an index: its entries (with their headers, without the VCN of a child), and the children left of each
 * entry and right of the last. A leaf has no children.
 */
export class IndexNode {
  readonly vcn: number
  entries: Uint8Array[] = []
  /** Empty in a leaf, else one more than entries. */
  children: number[] = []
  fixup = 1
  dirty = false
  /** Bytes of the entries with their child VCNs, and the end entry. */
  size = ENTRY_HEADER

  constructor(vcn: number) {
    this.vcn = vcn
  }

  get leaf(): boolean {
    return this.children.length === 0
  }

  /** Counts `size` again after entries or children were moved. */
  measure(): void {
    const child = this.leaf ? 0 : 8
    let size = ENTRY_HEADER + child
    for (const entry of this.entries) size += entry.length + child
    this.size = size
  }
}

interface EntryLimits {
  readonly rule: number
  readonly position: number
}

function checkEntry(b: Uint8Array, o: number, length: number, flags: number, limits: EntryLimits): void {
  const child = flags & HAS_CHILD ? 8 : 0
  const keyLength = u16(b, o + 0x0a)
  if (ENTRY_HEADER + keyLength + child > length) {
    throw corrupt(
      'key of an index entry',
      limits.position + o + 0x0a,
      `at most ${length - ENTRY_HEADER - child} bytes`,
      keyLength,
    )
  }
  if (limits.rule === CollationRule.FILE_NAME) checkFileName(b, o + ENTRY_HEADER, keyLength, limits.position)
}

/** Reads the entries behind the index header at `b[header]` into a node. */
function readEntries(node: IndexNode, b: Uint8Array, header: number, limits: EntryLimits): void {
  const { position } = limits
  const first = u32(b, header)
  const end = header + u32(b, header + 4)
  if (first < HEADER || end > b.length || header + first + ENTRY_HEADER > end) {
    throw corrupt('header of an index node', position + header, `entries inside of ${b.length} bytes`, end)
  }
  for (let o = header + first; ; ) {
    if (o + ENTRY_HEADER > end) throw corrupt('end of an index node', position + o, 'an end entry', 'none')
    const length = u16(b, o + 8)
    const flags = u16(b, o + 0x0c)
    const child = flags & HAS_CHILD ? 8 : 0
    if (length < ENTRY_HEADER + child || length % 8 !== 0 || o + length > end) {
      throw corrupt('length of an index entry', position + o + 8, `a multiple of 8 up to ${end - o}`, length)
    }
    if (child > 0) {
      const vcn = u64(b, o + length - 8)
      if (vcn > Number.MAX_SAFE_INTEGER)
        throw corrupt('child of an index entry', position + o + length - 8, 'a VCN', vcn)
      node.children.push(vcn)
    }
    if (flags & IS_END) break
    checkEntry(b, o, length, flags, limits)
    node.entries.push(b.subarray(o, o + length - child))
    o += length
  }
  if (node.children.length > 0 && node.children.length !== node.entries.length + 1) {
    throw corrupt(
      'children of an index node',
      position + header,
      node.entries.length + 1,
      node.children.length,
    )
  }
  node.measure()
}

/** Writes the index header at `b[header]` and the entries behind it. */
function writeEntries(
  node: IndexNode,
  b: Uint8Array,
  header: number,
  first: number,
  allocated: number,
): void {
  let o = header + first
  const child = node.leaf ? 0 : 8
  const put = (length: number, flags: number, index: number) => {
    setU16(b, o + 8, length + child)
    setU16(b, o + 0x0c, flags | (child > 0 ? HAS_CHILD : 0))
    if (child > 0) setU64(b, o + length, node.children[index] as number)
    o += length + child
  }
  node.entries.forEach((entry, index) => {
    b.set(entry, o)
    put(entry.length, 0, index)
  })
  put(ENTRY_HEADER, IS_END, node.entries.length)
  setU32(b, header, first)
  setU32(b, header + 4, o - header)
  setU32(b, header + 8, allocated)
  b[header + 12] = child > 0 ? 1 : 0
}

/** What $INDEX_ROOT says about its index. */
export interface RootHeader {
  /** Attribute type of the keys: $FILE_NAME, or 0 for a view. */
  readonly type: number
  readonly rule: number
  readonly blockSize: number
  /** Clusters (or 512-byte units, when the cluster is larger than the block) of a block. */
  readonly clustersPerBlock: number
}

export function readRoot(b: Uint8Array, position: number): { header: RootHeader; node: IndexNode } {
  if (b.length < ROOT_HEADER + HEADER + ENTRY_HEADER) {
    throw corrupt('length of an $INDEX_ROOT', position, ROOT_HEADER + HEADER + ENTRY_HEADER, b.length)
  }
  const header = { type: u32(b, 0), rule: u32(b, 4), blockSize: u32(b, 8), clustersPerBlock: b[12] as number }
  const node = new IndexNode(ROOT_VCN)
  readEntries(node, b, ROOT_HEADER, { rule: header.rule, position })
  return { header, node }
}

/** Bytes of an $INDEX_ROOT with such a node. */
export function rootSize(node: IndexNode): number {
  return ROOT_HEADER + HEADER + node.size
}

export function encodeRoot(header: RootHeader, node: IndexNode): Uint8Array {
  const b = new Uint8Array(rootSize(node))
  setU32(b, 0, header.type)
  setU32(b, 4, header.rule)
  setU32(b, 8, header.blockSize)
  b[12] = header.clustersPerBlock
  writeEntries(node, b, ROOT_HEADER, HEADER, b.length - ROOT_HEADER)
  return b
}

/** Offset of the first entry of a block, from its index header. */
function firstEntry(blockSize: number): number {
  return Math.ceil((BLOCK_USA + 2 * fixupCount(blockSize)) / 8) * 8 - BLOCK_HEADER
}

/** Bytes for entries in a block. */
export function blockCapacity(blockSize: number): number {
  return blockSize - BLOCK_HEADER - firstEntry(blockSize)
}

/** Reads an INDX block; `b` is changed and kept. */
export function readBlock(b: Uint8Array, vcn: number, rule: number, position: number): IndexNode {
  const magic = u32(b, 0)
  if (magic !== INDX_MAGIC) {
    throw corrupt('signature of an index block', position, 'INDX', `0x${magic.toString(16)}`)
  }
  const fixup = removeFixups(b, position, 'an index block')
  const own = u64(b, 0x10)
  if (own !== vcn) throw corrupt('VCN of an index block', position + 0x10, vcn, own)
  const node = new IndexNode(vcn)
  node.fixup = fixup
  readEntries(node, b, BLOCK_HEADER, { rule, position })
  return node
}

/** A block with a new update sequence number. */
export function encodeBlock(node: IndexNode, blockSize: number): Uint8Array {
  const b = new Uint8Array(blockSize)
  setU32(b, 0, INDX_MAGIC)
  setU64(b, 0x10, node.vcn)
  writeEntries(node, b, BLOCK_HEADER, firstEntry(blockSize), blockSize - BLOCK_HEADER)
  node.fixup = nextFixup(node.fixup)
  applyFixups(b, BLOCK_USA, node.fixup)
  return b
}
