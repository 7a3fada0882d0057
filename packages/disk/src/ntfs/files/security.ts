import { corrupt, DiskError } from '../../error.js'
import { ENTRY_HEADER, type Order } from '../index/collation.js'
import { DEPTH_MAX } from '../index/index-tree.js'
import { insertEntry } from '../index/insert.js'
import { IndexName, openIndex } from '../index/open-index.js'
import { findEntry, walk } from '../index/search.js'
import { AttributeType } from '../layout/attribute.js'
import { align8, sameBytes, setU16, setU32, setU64, u16, u32, u64 } from '../layout/bytes.js'
import { SystemRecord } from '../layout/reference.js'
import { securityHash } from '../layout/security-descriptor.js'
import { STANDARD_INFORMATION_SIZE } from '../layout/standard-information.js'
import { removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { readStream, readWhole } from '../volume/stream.js'
import { setWhole, writeStream } from '../volume/stream-write.js'
import { markChanged } from './create.js'

/** $SDS: header of an entry (hash, id, offset, length), and the blocks that are each followed by a copy. */
export const SDS_HEADER = 20
export const SDS_BLOCK = 256 * 1024

/** Windows' limit of a descriptor: 16-bit list sizes twice, owner and group. */
const DESCRIPTOR_MAX = 0x2_0000

/** Ids below are not used. */
export const FIRST_SECURITY_ID = 256

const STREAM = '$SDS'

function byKey(...key: number[]): Order {
  return (entry) => {
    for (let i = 0; i < key.length; i++) {
      const difference = (key[i] as number) - u32(entry, ENTRY_HEADER + 4 * i)
      if (difference !== 0) return difference
    }
    return 0
  }
}

/** Bytes of the descriptor behind an $SDS header that an index entry repeats. */
function readDescriptor(core: Core, secure: Inode, header: Uint8Array): Uint8Array {
  const offset = u64(header, 8)
  const length = u32(header, 16) - SDS_HEADER
  if (length < 0x14 || length > DESCRIPTOR_MAX) {
    throw corrupt('length of a security descriptor', offset, `0x14..${DESCRIPTOR_MAX}`, length)
  }
  const bytes = new Uint8Array(length)
  const read = readStream(
    core.storage,
    secure.need(AttributeType.DATA, STREAM),
    offset + SDS_HEADER,
    bytes,
    0,
    length,
    'cache',
  )
  if (read < length) throw corrupt('a security descriptor ends early', offset, length, read)
  return bytes
}

function dataOf(entry: Uint8Array): Uint8Array {
  const offset = u16(entry, 0)
  const length = u16(entry, 2)
  if (length < SDS_HEADER || offset < ENTRY_HEADER || offset + length > entry.length) {
    throw corrupt('data of a $Secure index entry', offset, SDS_HEADER, length)
  }
  return entry.subarray(offset, offset + length)
}

/** The descriptor with an id; `ENODATA` when $Secure does not know it. */
export function descriptorById(core: Core, id: number): Uint8Array {
  const secure = core.inode(SystemRecord.SECURE)
  const entry = findEntry(openIndex(core, secure, IndexName.SECURITY_ID), byKey(id))
  if (entry === null) throw new DiskError('ENODATA', `no security descriptor with id ${id}`)
  return readDescriptor(core, secure, dataOf(entry))
}

/** The descriptor of a file: its own attribute, or the one in $Secure; null when it has none. */
export function descriptorOf(core: Core, inode: Inode): Uint8Array | null {
  const own = inode.find(AttributeType.SECURITY_DESCRIPTOR)
  if (own !== undefined) return readWhole(core.storage, own, DESCRIPTOR_MAX)
  const id = inode.standardInformation.securityId
  return id === 0 ? null : descriptorById(core, id)
}

/** The id of an equal descriptor, or null. */
function findEqual(core: Core, secure: Inode, descriptor: Uint8Array, hash: number): number | null {
  const first: Order = (entry) => hash - u32(entry, ENTRY_HEADER) || -1
  for (const entry of walk(openIndex(core, secure, IndexName.SECURITY_HASH), first)) {
    if (u32(entry, ENTRY_HEADER) !== hash) return null
    if (sameBytes(readDescriptor(core, secure, dataOf(entry)), descriptor))
      return u32(entry, ENTRY_HEADER + 4)
  }
  return null
}

/** The highest id in use. */
function lastId(core: Core, secure: Inode): number {
  const tree = openIndex(core, secure, IndexName.SECURITY_ID)
  let node = tree.root
  for (let depth = 0; !node.leaf && depth < DEPTH_MAX; depth++) {
    node = tree.node(node.children[node.children.length - 1] as number)
  }
  const entry = node.entries[node.entries.length - 1]
  return entry === undefined ? FIRST_SECURITY_ID - 1 : u32(entry, ENTRY_HEADER)
}

/** Where the next entry goes: behind the last one, not across the end of a block, and not into its copy. */
function nextOffset(end: number, length: number): number {
  // The stream ends with the copy of the last entry, one block behind the entry itself.
  let offset = end > SDS_BLOCK ? Math.ceil((end - SDS_BLOCK) / 16) * 16 : 0
  const inBlock = offset % SDS_BLOCK
  if (inBlock === 0 && Math.floor(offset / SDS_BLOCK) % 2 === 1) offset += SDS_BLOCK
  else if (inBlock + length > SDS_BLOCK) offset += SDS_BLOCK - inBlock + SDS_BLOCK
  return offset
}

/** An entry of one of the two indexes: key, the $SDS header, and what stands behind it. */
export function secureIndexEntry(key: readonly number[], header: Uint8Array, ending: string): Uint8Array {
  const keyLength = key.length * 4
  const entry = new Uint8Array(align8(ENTRY_HEADER + keyLength + SDS_HEADER + (ending === '' ? 0 : 4)))
  setU16(entry, 0, ENTRY_HEADER + keyLength)
  setU16(entry, 2, SDS_HEADER)
  setU16(entry, 8, entry.length)
  setU16(entry, 0x0a, keyLength)
  key.forEach((word, index) => {
    setU32(entry, ENTRY_HEADER + 4 * index, word)
  })
  entry.set(header, ENTRY_HEADER + keyLength)
  if (ending !== '') {
    setU16(entry, ENTRY_HEADER + keyLength + SDS_HEADER, ending.charCodeAt(0))
    setU16(entry, ENTRY_HEADER + keyLength + SDS_HEADER + 2, ending.charCodeAt(1))
  }
  return entry
}

/** One $SDS entry. */
export function sdsEntry(descriptor: Uint8Array, id: number, offset: number): Uint8Array {
  const b = new Uint8Array(SDS_HEADER + descriptor.length)
  setU32(b, 0, securityHash(descriptor))
  setU32(b, 4, id)
  setU64(b, 8, offset)
  setU32(b, 16, b.length)
  b.set(descriptor, SDS_HEADER)
  return b
}

/** The id of a descriptor in $Secure, which gets it when it has none equal. */
export function securityIdFor(core: Core, descriptor: Uint8Array): number {
  if (descriptor.length > DESCRIPTOR_MAX) {
    throw new DiskError('EINVAL', 'a security descriptor', {
      expected: `at most ${DESCRIPTOR_MAX} bytes`,
      actual: descriptor.length,
    })
  }
  const secure = core.inode(SystemRecord.SECURE)
  const hash = securityHash(descriptor)
  const known = findEqual(core, secure, descriptor, hash)
  if (known !== null) return known
  core.change()
  const id = lastId(core, secure) + 1
  const stream = secure.need(AttributeType.DATA, STREAM)
  const length = SDS_HEADER + descriptor.length
  const offset = nextOffset(stream.dataSize, length)
  const entry = sdsEntry(descriptor, id, offset)
  // A new block starts behind the copy of the last one: the gap between is zeros.
  writeStream(core, secure, stream, offset, entry)
  writeStream(core, secure, stream, offset + SDS_BLOCK, entry)
  const header = entry.slice(0, SDS_HEADER)
  insertEntry(openIndex(core, secure, IndexName.SECURITY_ID), secureIndexEntry([id], header, ''))
  insertEntry(openIndex(core, secure, IndexName.SECURITY_HASH), secureIndexEntry([hash, id], header, 'II'))
  return id
}

/** Gives a file a descriptor, by its id in $Secure; one that the file had for itself goes away. */
export function setDescriptor(core: Core, inode: Inode, descriptor: Uint8Array): void {
  core.change()
  const info = inode.need(AttributeType.STANDARD_INFORMATION)
  const value = info.value ?? new Uint8Array(0)
  const id = securityIdFor(core, descriptor)
  const larger = new Uint8Array(Math.max(value.length, STANDARD_INFORMATION_SIZE))
  larger.set(value)
  setU32(larger, 0x34, id)
  setWhole(core, inode, info, larger)
  const own = inode.find(AttributeType.SECURITY_DESCRIPTOR)
  if (own !== undefined) removeAttribute(core, inode, own)
  markChanged(core, inode)
}
