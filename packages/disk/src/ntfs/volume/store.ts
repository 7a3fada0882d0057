import { DiskError } from '../../error.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import {
  ATTRIBUTE_LIST_MAX,
  encodeAttributeList,
  type ListEntry,
  listEntrySize,
} from '../layout/attribute-list.js'
import { encodeExtent, encodeResident } from '../layout/attribute-record.js'
import { encodeRecord, RecordFlag } from '../layout/file-record.js'
import { nextFixup } from '../layout/fixup.js'
import { type Reference, SystemRecord } from '../layout/reference.js'
import type { Runlist } from '../layout/runlist.js'
import { cutRuns, extendRuns, releaseRuns } from './allocation.js'
import type { Core } from './core.js'
import { attributeRoom, attributesSize, fitInode } from './fit.js'
import type { Extension, Inode } from './inode.js'
import { makeNonResident, writeClusters } from './nonresident.js'
import { type Placed, type Placement, placeAttributes } from './placement.js'

/** A list longer than this goes to clusters: the base record has better uses for its room. */
const RESIDENT_LIST_MAX = 256
/** Bytes of the base record for a list that lies on clusters: header and a few runs. */
const NONRESIDENT_LIST_ROOM = 0x40 + 0x28

const NO_BASE: Reference = { number: 0, sequence: 0 }

function encode(attribute: Attribute, room: number, clusterSize: number): Uint8Array {
  return attribute.value !== null
    ? encodeResident(attribute)
    : encodeExtent(attribute, 0, room, clusterSize).bytes
}

/** Instances: attributes keep theirs; new ones get the next free number. */
function assignInstances(inode: Inode): void {
  const taken = new Set<number>()
  for (const attribute of inode.attributes) {
    if (attribute.instance < 0 || taken.has(attribute.instance)) attribute.instance = -1
    else taken.add(attribute.instance)
  }
  // Numbers are 16 bits; a file that has used them up starts again.
  const renumber =
    inode.nextInstance + inode.attributes.length > 0xffff || [...taken].some((n) => n >= inode.nextInstance)
  if (renumber) {
    inode.attributes.forEach((attribute, index) => {
      attribute.instance = index
    })
    inode.nextInstance = inode.attributes.length
    return
  }
  for (const attribute of inode.attributes)
    if (attribute.instance < 0) attribute.instance = inode.nextInstance++
}

function freeExtension(core: Core, extension: Extension): void {
  const sequence = extension.sequence >= 0xffff ? 1 : extension.sequence + 1
  core.records.writeFree(extension.number, sequence, nextFixup(extension.fixup))
  core.records.set(extension.number, false)
}

function takeExtension(core: Core, inode: Inode): Extension {
  const isMft = inode.number === SystemRecord.MFT
  const free = isMft ? core.records.allocateForMft() : core.records.allocate()
  return { ...free, nextInstance: 0 }
}

function writeBase(core: Core, inode: Inode, attributes: readonly Uint8Array[], nextInstance: number): void {
  inode.fixup = nextFixup(inode.fixup)
  inode.nextInstance = nextInstance
  const header = { ...inode, base: NO_BASE }
  core.mft.writeRaw(
    inode.number,
    encodeRecord(core.storage.geometry.recordSize, inode.number, header, attributes),
  )
}

function storeSingle(core: Core, inode: Inode, room: number): void {
  const hadList = inode.list !== null || inode.extensions.length > 0
  if (inode.list !== null) releaseRuns(core, inode.list)
  for (const extension of inode.extensions) freeExtension(core, extension)
  inode.list = null
  inode.extensions = []
  if (hadList) for (const attribute of inode.attributes) attribute.instance = -1
  if (hadList) inode.nextInstance = 0
  assignInstances(inode)
  const { clusterSize } = core.storage.geometry
  writeBase(
    core,
    inode,
    inode.attributes.map((attribute) => encode(attribute, room, clusterSize)),
    inode.nextInstance,
  )
}

function listSize(placement: Placement): number {
  let size = 0
  for (const { attribute } of placement.placed) size += listEntrySize(attribute.name)
  return size
}

/** Places the attributes with as much room kept for the list as it then needs. */
function place(core: Core, inode: Inode, room: number): { placement: Placement; size: number } {
  const { clusterSize } = core.storage.geometry
  const near = placeAttributes(inode, room, 0x18 + RESIDENT_LIST_MAX, clusterSize)
  const size = listSize(near)
  if (size <= RESIDENT_LIST_MAX) return { placement: near, size }
  const placement = placeAttributes(inode, room, NONRESIDENT_LIST_ROOM, clusterSize)
  const all = listSize(placement)
  if (all > ATTRIBUTE_LIST_MAX) {
    throw new DiskError('EFBIG', `attribute list of ${inode.someName}`, {
      expected: `at most ${ATTRIBUTE_LIST_MAX} bytes`,
      actual: all,
      cure: 'The file has too many pieces or links; copy it to a new one',
    })
  }
  return { placement, size: all }
}

/** Takes or gives back records until the file has one for each slot behind the base. */
function matchExtensions(core: Core, inode: Inode, count: number): void {
  while (inode.extensions.length > count) freeExtension(core, inode.extensions.pop() as Extension)
  while (inode.extensions.length < count) inode.extensions.push(takeExtension(core, inode))
}

function entriesOf(inode: Inode, placed: readonly Placed[]): ListEntry[] {
  return placed.map(({ attribute, lowestVcn, slot, instance }) => ({
    type: attribute.type,
    name: attribute.name,
    lowestVcn,
    record: slot === 0 ? inode.reference : (inode.extensions[slot - 1] as Extension),
    instance,
  }))
}

/** The list's own attribute record with its new bytes. */
function storeList(core: Core, inode: Inode, bytes: Uint8Array): Uint8Array {
  const { clusterSize } = core.storage.geometry
  const list = inode.list ?? new Attribute(AttributeType.ATTRIBUTE_LIST, '', new Uint8Array(0))
  inode.list = list
  list.instance = 0
  if (bytes.length <= RESIDENT_LIST_MAX) {
    releaseRuns(core, list)
    list.runs = null
    list.setValue(bytes)
    return encodeResident(list)
  }
  if (list.value !== null) {
    list.setValue(bytes)
    makeNonResident(core, inode, list)
  } else {
    const clusters = core.storage.clusters(bytes.length)
    extendRuns(core, list, clusters)
    cutRuns(core, list, clusters)
    writeClusters(core, list.runs as Runlist, 0, bytes, 0, bytes.length, 'cache')
    list.dataSize = bytes.length
    list.initializedSize = bytes.length
  }
  const extent = encodeExtent(list, 0, NONRESIDENT_LIST_ROOM, clusterSize)
  if (extent.nextVcn < (list.runs as Runlist).clusters) {
    throw new DiskError('ENOSPC', `the attribute list of ${inode.someName} finds no coherent clusters`)
  }
  return extent.bytes
}

function storeSpread(core: Core, inode: Inode, room: number): void {
  const { placement } = place(core, inode, room)
  matchExtensions(core, inode, placement.slots.length - 1)
  const listBytes = storeList(core, inode, encodeAttributeList(entriesOf(inode, placement.placed)))
  const perSlot: Uint8Array[][] = placement.slots.map(() => [])
  let listPlaced = false
  for (const { attribute, slot, bytes } of placement.placed) {
    if (slot === 0 && !listPlaced && attribute.type > AttributeType.ATTRIBUTE_LIST) {
      perSlot[0]?.push(listBytes)
      listPlaced = true
    }
    perSlot[slot]?.push(bytes)
  }
  if (!listPlaced) perSlot[0]?.push(listBytes)
  inode.extensions.forEach((extension, index) => {
    const slot = index + 1
    extension.fixup = nextFixup(extension.fixup)
    extension.nextInstance = placement.slots[slot]?.instances ?? 0
    const header = {
      lsn: 0n,
      sequence: extension.sequence,
      linkCount: 0,
      flags: RecordFlag.IN_USE,
      base: inode.reference,
      nextInstance: extension.nextInstance,
      fixup: extension.fixup,
    }
    const bytes = encodeRecord(
      core.storage.geometry.recordSize,
      extension.number,
      header,
      perSlot[slot] ?? [],
    )
    core.mft.writeRaw(extension.number, bytes)
  })
  writeBase(core, inode, perSlot[0] ?? [], placement.slots[0]?.instances ?? 0)
}

/** Lays a file out over MFT records, one when it fits, and writes them to the cache. */
export function storeInode(core: Core, inode: Inode): void {
  fitInode(core, inode)
  const room = attributeRoom(core.storage.geometry.recordSize)
  if (attributesSize(inode, room) <= room) storeSingle(core, inode, room)
  else storeSpread(core, inode, room)
  inode.dirty = false
  core.dirty.delete(inode)
}

/** Frees the record (all records) of a deleted file. */
export function freeInode(core: Core, inode: Inode): void {
  for (const attribute of inode.attributes) releaseRuns(core, attribute)
  if (inode.list !== null) releaseRuns(core, inode.list)
  for (const extension of inode.extensions) freeExtension(core, extension)
  const sequence = inode.sequence >= 0xffff ? 1 : inode.sequence + 1
  core.records.writeFree(inode.number, sequence, nextFixup(inode.fixup))
  core.records.set(inode.number, false)
  inode.freed = true
  core.forget(inode)
}
