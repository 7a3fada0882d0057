import { DiskError } from '../../error.js'
import { CollationRule } from '../index/collation.js'
import { encodeRoot, IndexNode, ROOT_VCN } from '../index/node.js'
import { IndexName } from '../index/open-index.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import type { Geometry } from '../layout/boot-sector.js'
import { encodeFileName, type FileName, Namespace } from '../layout/file-name.js'
import { RecordFlag } from '../layout/file-record.js'
import type { FileTime } from '../layout/filetime.js'
import { FileAttribute, StandardInformation, type Times } from '../layout/standard-information.js'
import { addAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import { Inode } from '../volume/inode.js'
import { addName, lookupReference } from './directory.js'
import { fileNameFor } from './summary.js'

export interface CreateOptions {
  directory: boolean
  /** Bits of `FileAttribute`, besides those that follow from what the file is. Default ARCHIVE for a file, 0 for a directory. */
  attributes?: number
  /** Number of its descriptor in $Secure. */
  securityId: number
  /** All four times; default now. */
  times?: Times
}

/** Hard links that Windows allows to a file. */
const LINKS_MAX = 1024

function sameTimes(time: FileTime): Times {
  return { created: time, modified: time, changed: time, accessed: time }
}

/** The bytes of an index without entries. */
export function emptyIndexRoot(geometry: Geometry, type: number, rule: number): Uint8Array {
  const { clusterSize, indexBlockSize } = geometry
  const unit = clusterSize <= indexBlockSize ? clusterSize : 512
  const header = { type, rule, blockSize: indexBlockSize, clustersPerBlock: indexBlockSize / unit }
  return encodeRoot(header, new IndexNode(ROOT_VCN))
}

/** Its contents have changed: a directory that got or lost a name, a file that was written. */
export function markModified(core: Core, inode: Inode): void {
  const info = inode.standardInformation
  const now = core.clock()
  info.times = { ...info.times, modified: now, changed: now }
  core.touch(inode)
  core.stale.add(inode)
}

/** Something besides its contents has changed. */
export function markChanged(core: Core, inode: Inode): void {
  const info = inode.standardInformation
  info.times = { ...info.times, changed: core.clock() }
  core.touch(inode)
  core.stale.add(inode)
}

/** Gives a file a name: in the file, and in the directory. */
export function attachName(core: Core, inode: Inode, parent: Inode, name: string): void {
  const fileName: FileName = fileNameFor(core, inode, parent.reference, name, Namespace.POSIX)
  addName(core, parent, inode.reference, fileName)
  const attribute = new Attribute(AttributeType.FILE_NAME, '', encodeFileName(fileName))
  attribute.indexed = 1
  addAttribute(core, inode, attribute)
  inode.linkCount++
  markModified(core, parent)
}

/** Takes a record for a new file; it has no name yet. */
export function newInode(core: Core, options: CreateOptions): Inode {
  const { number, sequence, fixup } = core.records.allocate()
  const flags = RecordFlag.IN_USE | (options.directory ? RecordFlag.DIRECTORY : 0)
  const inode = new Inode(number, sequence, flags)
  inode.fixup = fixup
  const times = options.times ?? sameTimes(core.clock())
  const attributes = options.attributes ?? (options.directory ? 0 : FileAttribute.ARCHIVE)
  const info = StandardInformation.create(times, attributes, options.securityId)
  addAttribute(core, inode, new Attribute(AttributeType.STANDARD_INFORMATION, '', info.bytes))
  if (options.directory) {
    const root = emptyIndexRoot(core.storage.geometry, AttributeType.FILE_NAME, CollationRule.FILE_NAME)
    addAttribute(core, inode, new Attribute(AttributeType.INDEX_ROOT, IndexName.DIRECTORY, root))
  } else addAttribute(core, inode, new Attribute(AttributeType.DATA, '', new Uint8Array(0)))
  core.adopt(inode)
  return inode
}

/** Refuses a name that is taken. */
export function checkFree(core: Core, parent: Inode, name: string): void {
  if (lookupReference(core, parent, name) === null) return
  throw new DiskError('EEXIST', `a file named '${name}' exists in ${parent.someName}`)
}

/** A new, empty file or directory with a checked name. */
export function createFile(core: Core, parent: Inode, name: string, options: CreateOptions): Inode {
  core.change()
  checkFree(core, parent, name)
  const inode = newInode(core, options)
  attachName(core, inode, parent, name)
  return inode
}

/** A further name for a file. */
export function linkFile(core: Core, inode: Inode, parent: Inode, name: string): void {
  core.change()
  if (inode.isDirectory) throw new DiskError('EPERM', 'a directory has one name only')
  if (inode.linkCount >= LINKS_MAX) {
    throw new DiskError('EPERM', `${inode.someName} has as many links as NTFS allows`, {
      expected: `at most ${LINKS_MAX}`,
    })
  }
  checkFree(core, parent, name)
  attachName(core, inode, parent, name)
  markChanged(core, inode)
}
