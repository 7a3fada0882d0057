import { AttributeType } from '../layout/attribute.js'
import { utf16 } from '../layout/bytes.js'
import { type LinkTarget, linkTarget, ReparseTag } from '../layout/reparse-point.js'
import { FileAttribute } from '../layout/standard-information.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { wayOf } from '../volume/nonresident.js'
import { readStream } from '../volume/stream.js'
import { reparsePointOf } from './points.js'

/** What a POSIX program sees in a file. */
export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'fifo'
  | 'socket'
  | 'character device'
  | 'block device'

/** Types of reparse points; others (WOF, deduplication, cloud) are what the file is without. */
const TYPE_OF_TAG: ReadonlyMap<number, FileType> = new Map([
  [ReparseTag.SYMLINK, 'symlink'],
  [ReparseTag.MOUNT_POINT, 'symlink'],
  [ReparseTag.LX_SYMLINK, 'symlink'],
  [ReparseTag.AF_UNIX, 'socket'],
  [ReparseTag.LX_FIFO, 'fifo'],
  [ReparseTag.LX_CHR, 'character device'],
  [ReparseTag.LX_BLK, 'block device'],
])

/** Start of the contents of an Interix link, the form that NTFS-3G writes by default: "IntxLNK" and 1. */
const INTERIX_LINK = Buffer.from('IntxLNK\x01', 'latin1')
/** Longest path of Linux, in UTF-16. */
const INTERIX_MAX = 8 + 2 * 4096

/** The target of an Interix link, or null for any other file. */
function interixTarget(core: Core, inode: Inode): string | null {
  if ((inode.standardInformation.attributes & FileAttribute.SYSTEM) === 0) return null
  const data = inode.find(AttributeType.DATA)
  if (data === undefined || data.dataSize <= INTERIX_LINK.length || data.dataSize > INTERIX_MAX) return null
  const bytes = new Uint8Array(data.dataSize)
  readStream(core.storage, data, 0, bytes, 0, bytes.length, wayOf(inode, data))
  if (!INTERIX_LINK.equals(bytes.subarray(0, INTERIX_LINK.length))) return null
  return utf16(bytes, INTERIX_LINK.length, (bytes.length - INTERIX_LINK.length) >> 1)
}

/** `\??\C:\x` and `\??\Volume{...}\x` as `/x`: the drive is taken for this volume. */
function posixPath(link: LinkTarget): string {
  if (link.kind === 'wsl') return link.target
  const path = link.target.replaceAll('\\', '/')
  if (link.relative) return path
  const below = path.replace(/^\/\?\?\//, '').replace(/^([A-Za-z]:|Volume\{[^}]*\})/, '')
  return below.startsWith('/') ? below : `/${below}`
}

/** The target of a link as a POSIX path, or null when the file is none. */
export function linkPath(core: Core, inode: Inode): string | null {
  if (inode.find(AttributeType.REPARSE_POINT) === undefined) return interixTarget(core, inode)
  const point = reparsePointOf(core, inode)
  const link = point === null ? null : linkTarget(point)
  return link === null ? null : posixPath(link)
}

export function fileType(core: Core, inode: Inode): FileType {
  if (inode.find(AttributeType.REPARSE_POINT) !== undefined) {
    const type = TYPE_OF_TAG.get(reparsePointOf(core, inode)?.tag ?? 0)
    if (type !== undefined) return type
  }
  if (inode.isDirectory) return 'directory'
  return interixTarget(core, inode) === null ? 'file' : 'symlink'
}

/** The type as a directory entry tells it, or null when only the file itself knows: it may be an Interix link. */
export function entryType(entry: { attributes: number; tag: number }): FileType | null {
  const { attributes, tag } = entry
  if ((attributes & FileAttribute.REPARSE_POINT) !== 0) {
    const type = TYPE_OF_TAG.get(tag)
    if (type !== undefined) return type
  }
  if ((attributes & FileAttribute.DIRECTORY) !== 0) return 'directory'
  return (attributes & FileAttribute.SYSTEM) !== 0 ? null : 'file'
}
