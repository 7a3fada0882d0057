import { AttributeType } from '../layout/attribute.js'
import { align8, u16, u32 } from '../layout/bytes.js'
import type { FileName } from '../layout/file-name.js'
import { RecordFlag } from '../layout/file-record.js'
import type { Reference } from '../layout/reference.js'
import { FileAttribute } from '../layout/standard-information.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'

/** Bytes of a file's unnamed stream. */
export interface FileSizes {
  readonly dataSize: number
  /** Bytes on the disk; the value's length, rounded up to 8, while it is resident. */
  readonly allocatedSize: number
}

/** Sizes of the unnamed $DATA; zeros for a directory. */
export function sizesOf(core: Core, inode: Inode): FileSizes {
  const data = inode.isDirectory ? undefined : inode.find(AttributeType.DATA)
  if (data === undefined) return { dataSize: 0, allocatedSize: 0 }
  if (data.runs === null) return { dataSize: data.dataSize, allocatedSize: align8(data.dataSize) }
  const real = data.sparse || data.compressed
  const allocated = real ? data.runs.allocated * core.storage.geometry.clusterSize : data.allocatedSize
  return { dataSize: data.dataSize, allocatedSize: allocated }
}

/** What $FILE_NAME holds in place of a tag: the reparse tag, else the packed size of the extended attributes. */
function tagOf(inode: Inode): number {
  const reparse = inode.find(AttributeType.REPARSE_POINT)
  if (reparse?.value !== null && reparse?.value !== undefined && reparse.value.length >= 4)
    return u32(reparse.value, 0)
  const ea = inode.find(AttributeType.EA_INFORMATION)
  if (ea?.value !== null && ea?.value !== undefined && ea.value.length >= 2) return u16(ea.value, 0)
  return 0
}

/** The copies of a file's times, sizes and attributes that its names carry. */
export function summaryOf(core: Core, inode: Inode): Omit<FileName, 'parent' | 'name' | 'namespace'> {
  const info = inode.standardInformation
  let attributes = info.attributes
  if (inode.isDirectory) attributes |= FileAttribute.DIRECTORY
  if ((inode.flags & RecordFlag.VIEW_INDEX) !== 0) attributes |= FileAttribute.VIEW_INDEX
  return { times: info.times, ...sizesOf(core, inode), attributes: attributes >>> 0, tag: tagOf(inode) }
}

/** A name of a file as the parent's index and the record hold it. */
export function fileNameFor(
  core: Core,
  inode: Inode,
  parent: Reference,
  name: string,
  namespace: number,
): FileName {
  return { parent, ...summaryOf(core, inode), name, namespace }
}
