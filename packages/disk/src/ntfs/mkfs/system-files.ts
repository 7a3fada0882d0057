import { emptyIndexRoot } from '../files/create.js'
import { addName } from '../files/directory.js'
import { SDS_BLOCK, SDS_HEADER, sdsEntry, secureIndexEntry } from '../files/security.js'
import { fileNameFor } from '../files/summary.js'
import { CollationRule, ENTRY_HEADER } from '../index/collation.js'
import { insertEntry } from '../index/insert.js'
import { IndexName, openIndex } from '../index/open-index.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { BOOT_FILE_SIZE } from '../layout/boot-sector.js'
import { align8, setBig64, setU16, setU32, setU64, utf16Bytes } from '../layout/bytes.js'
import { encodeFileName, Namespace } from '../layout/file-name.js'
import { RecordFlag } from '../layout/file-record.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE, Runlist } from '../layout/runlist.js'
import { Sid, securityHash } from '../layout/security-descriptor.js'
import {
  FileAttribute,
  STANDARD_INFORMATION_OLD,
  StandardInformation,
} from '../layout/standard-information.js'
import { standardUpcase, UPCASE_UNITS } from '../layout/upcase.js'
import { encodeVolumeInformation } from '../layout/volume-information.js'
import { addAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import { Inode } from '../volume/inode.js'
import { makeNonResident } from '../volume/nonresident.js'
import { attributeDefinitions } from './attribute-definitions.js'
import { rootDescriptor, systemDescriptors } from './descriptors.js'

const HIDDEN_SYSTEM = FileAttribute.HIDDEN | FileAttribute.SYSTEM

/** Ids of `systemDescriptors`. */
const READ_ID = 256
const READ_WRITE_ID = 257

/** CRC-64 of the standard $UpCase (reflected polynomial 9a6c9329ac4bc9b5, all ones before and after). */
const UPCASE_CRC = 0xdadc_7e77_6b1b_690cn
/** Bytes of $UpCase:$Info: its own length, the checksum, and zeros for Windows' version. */
const UPCASE_INFO = 32

interface SystemFile {
  number: number
  flags?: number
  attributes?: number
  securityId?: number
}

/** A record with its $STANDARD_INFORMATION; the caller adds the rest and a name. */
export function systemInode(core: Core, file: SystemFile): Inode {
  const { number, flags = 0, attributes = HIDDEN_SYSTEM, securityId = READ_ID } = file
  // Windows opens records 0 to 11 by a reference with this sequence.
  const inode = new Inode(number, number < 24 ? Math.max(1, number) : 1, RecordFlag.IN_USE | flags)
  const now = core.clock()
  const times = { created: now, modified: now, changed: now, accessed: now }
  const view = (flags & RecordFlag.VIEW_INDEX) !== 0 ? FileAttribute.VIEW_INDEX : 0
  const info = StandardInformation.create(times, attributes | view, securityId)
  addAttribute(core, inode, new Attribute(AttributeType.STANDARD_INFORMATION, '', info.bytes))
  core.records.set(number, true)
  core.adopt(inode)
  return inode
}

export function addValue(core: Core, inode: Inode, type: number, name: string, value: Uint8Array): Attribute {
  const attribute = new Attribute(type, name, value)
  addAttribute(core, inode, attribute)
  return attribute
}

/** Adds a stream that lies on clusters, whatever its length. */
export function addStream(
  core: Core,
  inode: Inode,
  type: number,
  name: string,
  bytes: Uint8Array,
): Attribute {
  const attribute = addValue(core, inode, type, name, bytes)
  makeNonResident(core, inode, attribute)
  return attribute
}

/** Adds a stream over clusters that are taken already. */
export function addRuns(core: Core, inode: Inode, name: string, runs: Runlist, size: number): Attribute {
  const attribute = new Attribute(AttributeType.DATA, name, null)
  attribute.runs = runs
  attribute.allocatedSize = runs.clusters * core.storage.geometry.clusterSize
  attribute.dataSize = size
  attribute.initializedSize = size
  addAttribute(core, inode, attribute)
  return attribute
}

/** A name of the volume's own files: valid as Win32 and as DOS name. */
export function attachSystemName(core: Core, inode: Inode, parent: Inode, name: string): void {
  const fileName = fileNameFor(core, inode, parent.reference, name, Namespace.WIN32_AND_DOS)
  addName(core, parent, inode.reference, fileName)
  const attribute = addValue(core, inode, AttributeType.FILE_NAME, '', encodeFileName(fileName))
  attribute.indexed = 1
  inode.linkCount++
}

function addView(core: Core, inode: Inode, name: string, rule: number): void {
  addValue(core, inode, AttributeType.INDEX_ROOT, name, emptyIndexRoot(core.storage.geometry, 0, rule))
}

export function makeRoot(core: Core): Inode {
  const root = systemInode(core, {
    number: SystemRecord.ROOT,
    flags: RecordFlag.DIRECTORY,
    attributes: HIDDEN_SYSTEM | FileAttribute.ARCHIVE,
  })
  // The short form, because the root has its descriptor beside it instead of an id.
  const info = root.need(AttributeType.STANDARD_INFORMATION)
  info.setValue((info.value as Uint8Array).slice(0, STANDARD_INFORMATION_OLD))
  const index = emptyIndexRoot(core.storage.geometry, AttributeType.FILE_NAME, CollationRule.FILE_NAME)
  addValue(core, root, AttributeType.INDEX_ROOT, IndexName.DIRECTORY, index)
  addStream(core, root, AttributeType.SECURITY_DESCRIPTOR, '', rootDescriptor())
  attachSystemName(core, root, root, '.')
  return root
}

export function makeVolumeFile(core: Core, root: Inode, label: string): void {
  const inode = systemInode(core, { number: SystemRecord.VOLUME, securityId: READ_WRITE_ID })
  addValue(core, inode, AttributeType.VOLUME_NAME, '', utf16Bytes(label))
  const information = encodeVolumeInformation({ majorVersion: 3, minorVersion: 1, flags: 0 })
  addValue(core, inode, AttributeType.VOLUME_INFORMATION, '', information)
  addValue(core, inode, AttributeType.DATA, '', new Uint8Array(0))
  attachSystemName(core, inode, root, '$Volume')
}

export function makeAttributeDefinitions(core: Core, root: Inode): void {
  const inode = systemInode(core, { number: SystemRecord.ATTRIBUTE_DEFINITIONS })
  addStream(core, inode, AttributeType.DATA, '', attributeDefinitions())
  attachSystemName(core, inode, root, '$AttrDef')
}

/** $Boot: its clusters are taken; the boot sector itself is written last of all. */
export function makeBoot(core: Core, root: Inode, clusters: number): void {
  const inode = systemInode(core, { number: SystemRecord.BOOT })
  core.storage.cache.write(0, new Uint8Array(BOOT_FILE_SIZE))
  addRuns(core, inode, '', Runlist.of(0, clusters), BOOT_FILE_SIZE)
  attachSystemName(core, inode, root, '$Boot')
}

export function makeBadClusters(core: Core, root: Inode): void {
  const inode = systemInode(core, { number: SystemRecord.BAD_CLUSTERS })
  addValue(core, inode, AttributeType.DATA, '', new Uint8Array(0))
  const { totalClusters, clusterSize } = core.storage.geometry
  const bad = addRuns(core, inode, '$Bad', Runlist.of(HOLE, totalClusters), totalClusters * clusterSize)
  bad.initializedSize = 0
  attachSystemName(core, inode, root, '$BadClus')
}

export function makeUpcase(core: Core, root: Inode): void {
  const inode = systemInode(core, { number: SystemRecord.UPCASE })
  const bytes = new Uint8Array(UPCASE_UNITS * 2)
  standardUpcase().forEach((unit, index) => {
    setU16(bytes, 2 * index, unit)
  })
  addStream(core, inode, AttributeType.DATA, '', bytes)
  const info = new Uint8Array(UPCASE_INFO)
  setU32(info, 0, UPCASE_INFO)
  setBig64(info, 8, UPCASE_CRC)
  addValue(core, inode, AttributeType.DATA, '$Info', info)
  attachSystemName(core, inode, root, '$UpCase')
}

export function makeSecure(core: Core, root: Inode): void {
  const inode = systemInode(core, {
    number: SystemRecord.SECURE,
    flags: RecordFlag.VIEW_INDEX,
    securityId: READ_WRITE_ID,
  })
  const entries: { bytes: Uint8Array; offset: number; hash: number }[] = []
  let end = 0
  systemDescriptors().forEach((descriptor, index) => {
    const offset = Math.ceil(end / 16) * 16
    entries.push({
      bytes: sdsEntry(descriptor, READ_ID + index, offset),
      offset,
      hash: securityHash(descriptor),
    })
    end = offset + SDS_HEADER + descriptor.length
  })
  const sds = new Uint8Array(SDS_BLOCK + end)
  for (const { bytes, offset } of entries) {
    sds.set(bytes, offset)
    sds.set(bytes, SDS_BLOCK + offset)
  }
  addStream(core, inode, AttributeType.DATA, '$SDS', sds)
  addView(core, inode, IndexName.SECURITY_HASH, CollationRule.SECURITY_HASH)
  addView(core, inode, IndexName.SECURITY_ID, CollationRule.ULONG)
  entries.forEach(({ bytes, hash }, index) => {
    const header = bytes.slice(0, SDS_HEADER)
    const id = READ_ID + index
    insertEntry(openIndex(core, inode, IndexName.SECURITY_ID), secureIndexEntry([id], header, ''))
    insertEntry(openIndex(core, inode, IndexName.SECURITY_HASH), secureIndexEntry([hash, id], header, 'II'))
  })
  attachSystemName(core, inode, root, '$Secure')
}

/** Records 12 to 15: in use, so that nobody takes them, and without a name. */
export function makeReserved(core: Core): void {
  for (let number = 12; number < 16; number++) {
    const inode = systemInode(core, { number })
    addValue(core, inode, AttributeType.DATA, '', new Uint8Array(0))
  }
}

/** An entry of a view: a key and the data behind it. */
function viewEntry(key: Uint8Array, data: Uint8Array): Uint8Array {
  const entry = new Uint8Array(align8(ENTRY_HEADER + key.length + data.length))
  setU16(entry, 0, ENTRY_HEADER + key.length)
  setU16(entry, 2, data.length)
  setU16(entry, 8, entry.length)
  setU16(entry, 0x0a, key.length)
  entry.set(key, ENTRY_HEADER)
  entry.set(data, ENTRY_HEADER + key.length)
  return entry
}

function word(value: number): Uint8Array {
  const b = new Uint8Array(4)
  setU32(b, 0, value)
  return b
}

/** A quota of an owner: version 2, default limits, no threshold and no limit. */
function quota(core: Core, sid: Uint8Array): Uint8Array {
  const b = new Uint8Array(0x30 + sid.length)
  setU32(b, 0, 2)
  setU32(b, 4, 1)
  setBig64(b, 0x10, core.clock())
  setU64(b, 0x18, -1)
  setU64(b, 0x20, -1)
  b.set(sid, 0x30)
  return b
}

/** Owner ids of $Quota: the defaults, and the first real owner. */
const QUOTA_DEFAULTS = 1
const QUOTA_FIRST = 256

export function makeExtend(core: Core, root: Inode): void {
  const extend = systemInode(core, {
    number: SystemRecord.EXTEND,
    flags: RecordFlag.DIRECTORY,
    securityId: READ_WRITE_ID,
  })
  const index = emptyIndexRoot(core.storage.geometry, AttributeType.FILE_NAME, CollationRule.FILE_NAME)
  addValue(core, extend, AttributeType.INDEX_ROOT, IndexName.DIRECTORY, index)
  attachSystemName(core, extend, root, '$Extend')
  const flags = RecordFlag.EXTEND | RecordFlag.VIEW_INDEX
  const attributes = HIDDEN_SYSTEM | FileAttribute.ARCHIVE
  const add = (number: number, name: string, views: [string, number][]): Inode => {
    const inode = systemInode(core, { number, flags, attributes, securityId: READ_WRITE_ID })
    for (const [view, rule] of views) addView(core, inode, view, rule)
    attachSystemName(core, inode, extend, name)
    return inode
  }
  const quotas = add(24, '$Quota', [
    [IndexName.OWNER, CollationRule.SID],
    [IndexName.QUOTA, CollationRule.ULONG],
  ])
  insertEntry(openIndex(core, quotas, IndexName.OWNER), viewEntry(Sid.ADMINISTRATORS, word(QUOTA_FIRST)))
  const byId = openIndex(core, quotas, IndexName.QUOTA)
  insertEntry(byId, viewEntry(word(QUOTA_DEFAULTS), quota(core, new Uint8Array(0))))
  insertEntry(byId, viewEntry(word(QUOTA_FIRST), quota(core, Sid.ADMINISTRATORS)))
  add(25, '$ObjId', [[IndexName.OWNER, CollationRule.ULONGS]])
  add(26, '$Reparse', [[IndexName.REPARSE, CollationRule.ULONGS]])
}
