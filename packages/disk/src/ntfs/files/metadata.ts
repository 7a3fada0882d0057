import { AttributeType } from '../layout/attribute.js'
import { SystemRecord } from '../layout/reference.js'
import { FileAttribute, type Times } from '../layout/standard-information.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { setWhole } from '../volume/stream-write.js'
import { markChanged } from './create.js'
import { type FileType, fileType } from './file-type.js'
import { linksOf } from './names-of.js'
import { type FileSizes, sizesOf } from './summary.js'

/** What stat(2) asks for. */
export interface FileStatus extends FileSizes {
  /** MFT record number. */
  readonly number: number
  readonly sequence: number
  readonly directory: boolean
  readonly type: FileType
  /** Names of the file, DOS names not counted. */
  readonly links: number
  /** Bits of `FileAttribute`. */
  readonly attributes: number
  /** Number of the security descriptor in $Secure, 0 when the file has its own. */
  readonly securityId: number
  readonly times: Times
}

export function statusOf(core: Core, inode: Inode): FileStatus {
  const info = inode.standardInformation
  return {
    number: inode.number,
    sequence: inode.sequence,
    directory: inode.isDirectory,
    type: fileType(core, inode),
    links: linksOf(inode),
    attributes: info.attributes,
    securityId: info.securityId,
    times: info.times,
    ...sizesOf(core, inode),
  }
}

/** Sets some of the four times; the others stay, but "changed" becomes now unless it is given. */
export function setTimes(core: Core, inode: Inode, times: Partial<Times>): void {
  core.change()
  markChanged(core, inode)
  const info = inode.standardInformation
  info.times = { ...info.times, ...times }
}

/** Attributes that a caller may set; the others follow from what the file is. */
const SETTABLE =
  FileAttribute.READONLY |
  FileAttribute.HIDDEN |
  FileAttribute.SYSTEM |
  FileAttribute.ARCHIVE |
  FileAttribute.TEMPORARY |
  FileAttribute.OFFLINE |
  FileAttribute.NOT_CONTENT_INDEXED

/** Sets the DOS attributes; bits that describe the file's form are left as they are. */
export function setAttributes(core: Core, inode: Inode, attributes: number): void {
  core.change()
  const info = inode.standardInformation
  info.attributes = ((info.attributes & ~SETTABLE) | (attributes & SETTABLE)) >>> 0
  markChanged(core, inode)
}

/** Writes the flags of $Volume. */
export function setVolumeInformation(core: Core, value: Uint8Array): Inode {
  const inode = core.inode(SystemRecord.VOLUME)
  setWhole(core, inode, inode.need(AttributeType.VOLUME_INFORMATION), value)
  return inode
}
