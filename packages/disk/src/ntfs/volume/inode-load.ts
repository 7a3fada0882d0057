import { corrupt, DiskError } from '../../error.js'
import { type Attribute, AttributeType } from '../layout/attribute.js'
import { ATTRIBUTE_LIST_MAX, type ListEntry, readAttributeList } from '../layout/attribute-list.js'
import type { AttributeExtent } from '../layout/attribute-record.js'
import type { FileRecord } from '../layout/file-record.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE, type Runlist } from '../layout/runlist.js'
import { Inode } from './inode.js'
import type { Mft } from './mft.js'

/** Adds the runs of a further extent behind those that an attribute has. */
function join(attribute: Attribute, extent: AttributeExtent, position: number): void {
  const runs = attribute.runs
  const more = extent.attribute.runs
  if (runs === null || more === null || runs.clusters !== extent.lowestVcn) {
    throw corrupt(`lowest VCN of an extent of ${attribute.label}`, position, runs?.clusters, extent.lowestVcn)
  }
  for (const run of more) runs.append(run.lcn, run.length)
}

/** The whole value of an attribute list, which is small by its format's limit. */
function listBytes(mft: Mft, list: Attribute): Uint8Array {
  if (list.value !== null) return list.value
  if (list.dataSize > ATTRIBUTE_LIST_MAX) {
    throw new DiskError('EUCLEAN', 'size of an $ATTRIBUTE_LIST', {
      expected: `at most ${ATTRIBUTE_LIST_MAX}`,
      actual: list.dataSize,
    })
  }
  const { clusterSize } = mft.storage.geometry
  const bytes = new Uint8Array(list.dataSize)
  const runs = list.runs as Runlist
  for (let done = 0; done < list.initializedSize; ) {
    const run = runs.from(Math.floor(done / clusterSize))
    if (run === null || run.lcn === HOLE) throw new DiskError('EUCLEAN', 'an $ATTRIBUTE_LIST with a hole')
    const part = Math.min(run.length * clusterSize, list.initializedSize - done)
    bytes.set(mft.storage.cache.read(mft.storage.position(run.lcn), part), done)
    done += part
  }
  return bytes
}

/** Gathers the attributes that a list names from their records. */
class ListReader {
  readonly #mft: Mft
  readonly #inode: Inode
  readonly #records = new Map<number, { record: FileRecord; position: number }>()

  constructor(mft: Mft, inode: Inode, base: { record: FileRecord; position: number }) {
    this.#mft = mft
    this.#inode = inode
    this.#records.set(inode.number, base)
  }

  #record(entry: ListEntry): { record: FileRecord; position: number } {
    const known = this.#records.get(entry.record.number)
    if (known !== undefined) return known
    const found = this.#mft.read(entry.record.number)
    const { base, sequence, nextInstance, fixup } = found.record.header
    const { number } = this.#inode
    if (base.number !== number || (base.sequence !== 0 && base.sequence !== this.#inode.sequence)) {
      throw corrupt('base of an extension record', found.position + 0x20, number, base.number)
    }
    if (sequence !== entry.record.sequence && entry.record.sequence !== 0) {
      throw corrupt('sequence of an extension record', found.position + 0x10, entry.record.sequence, sequence)
    }
    this.#inode.extensions.push({ number: entry.record.number, sequence, fixup, nextInstance })
    this.#records.set(entry.record.number, found)
    return found
  }

  /** The list's own order is type, name, VCN: extents of an attribute follow each other. */
  read(entries: readonly ListEntry[]): void {
    let open: Attribute | null = null
    for (const entry of entries) {
      const { record, position } = this.#record(entry)
      const extent = record.extents.find(
        ({ attribute, lowestVcn }) =>
          attribute.type === entry.type &&
          attribute.instance === entry.instance &&
          attribute.name === entry.name &&
          lowestVcn === entry.lowestVcn,
      )
      if (extent === undefined) {
        throw corrupt(
          'an $ATTRIBUTE_LIST entry',
          position,
          `attribute ${entry.instance} in this record`,
          'none',
        )
      }
      if (entry.lowestVcn === 0) {
        open = extent.attribute
        this.#inode.attributes.push(open)
      } else if (open === null || open.type !== entry.type || open.name !== entry.name) {
        throw corrupt('an $ATTRIBUTE_LIST entry', position, 'the extent at VCN 0 first', entry.lowestVcn)
      } else join(open, extent, position)
      // The $MFT finds its own further records by what it has read so far.
      if (this.#inode.number === SystemRecord.MFT && open?.type === AttributeType.DATA && open.name === '') {
        this.#mft.data = open
      }
    }
  }
}

function checkExtent(extent: AttributeExtent, position: number): Attribute {
  if (extent.lowestVcn !== 0) {
    throw corrupt('lowest VCN of an attribute without a list', position, 0, extent.lowestVcn)
  }
  return extent.attribute
}

/** Non-resident attributes: the clusters must hold what the sizes promise. */
function checkSizes(inode: Inode, attribute: Attribute, clusterSize: number, position: number): void {
  if (attribute.runs === null) return
  const bytes = attribute.runs.clusters * clusterSize
  if (bytes < attribute.allocatedSize) {
    const what = `clusters of ${attribute.label} of MFT record ${inode.number}`
    throw corrupt(what, position, `${attribute.allocatedSize} bytes`, `${bytes} bytes`)
  }
}

/**
 * Reads a file with all of its records.
 *
 * @throws `EUCLEAN` when a record is damaged, free, or an extension of another file.
 */
export function loadInode(mft: Mft, number: number): Inode {
  const base = mft.read(number)
  const { header, extents } = base.record
  if (header.base.number !== 0 || header.base.sequence !== 0) {
    throw corrupt(
      `MFT record ${number}`,
      base.position + 0x20,
      'a base record',
      `an extension of ${header.base.number}`,
    )
  }
  const inode = new Inode(number, header.sequence, header.flags)
  inode.linkCount = header.linkCount
  inode.lsn = header.lsn
  inode.fixup = header.fixup
  inode.nextInstance = header.nextInstance
  for (const extent of extents) {
    if (extent.attribute.type === AttributeType.ATTRIBUTE_LIST)
      inode.list = checkExtent(extent, base.position)
  }
  if (inode.list === null) {
    inode.attributes = extents.map((extent) => checkExtent(extent, base.position))
  } else {
    const entries = readAttributeList(listBytes(mft, inode.list), base.position)
    new ListReader(mft, inode, base).read(entries.filter((e) => e.type !== AttributeType.ATTRIBUTE_LIST))
  }
  const { clusterSize } = mft.storage.geometry
  for (const attribute of inode.attributes) checkSizes(inode, attribute, clusterSize, base.position)
  return inode
}
