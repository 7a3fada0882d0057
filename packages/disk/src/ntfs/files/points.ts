import { DiskError } from '../../error.js'
import { ENTRY_HEADER, type Order } from '../index/collation.js'
import type { IndexTree } from '../index/index-tree.js'
import { insertEntry } from '../index/insert.js'
import { IndexName, openIndex } from '../index/open-index.js'
import { removeEntry } from '../index/remove.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { align8, setU16, setU32, u16, u32 } from '../layout/bytes.js'
import { SystemRecord, writeReference } from '../layout/reference.js'
import { REPARSE_MAX, type ReparsePoint, readReparsePoint } from '../layout/reparse-point.js'
import { FileAttribute } from '../layout/standard-information.js'
import { addAttribute, removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import { fitInode } from '../volume/fit.js'
import type { Inode } from '../volume/inode.js'
import { readWhole } from '../volume/stream.js'
import { markChanged } from './create.js'
import { lookupReference } from './directory.js'

/** Length of a key of $R: the tag and the file's reference. */
const REPARSE_KEY = 12
/** Length of a key of $ObjId:$O. */
const OBJECT_ID_KEY = 16

function byWords(key: Uint8Array): Order {
  return (entry) => {
    const shared = Math.min(key.length, u16(entry, 0x0a))
    for (let o = 0; o + 4 <= shared; o += 4) {
      const difference = u32(key, o) - u32(entry, ENTRY_HEADER + o)
      if (difference !== 0) return difference
    }
    return key.length - u16(entry, 0x0a)
  }
}

/** An index of one of the files in $Extend, or null on a volume without it. */
function extendIndex(core: Core, file: string, name: string): IndexTree | null {
  const extend = core.inode(SystemRecord.EXTEND)
  if (!extend.isDirectory) return null
  const reference = lookupReference(core, extend, file)
  if (reference === null) return null
  return openIndex(core, core.open(reference), name)
}

function reparseKey(inode: Inode, tag: number): Uint8Array {
  const key = new Uint8Array(REPARSE_KEY)
  setU32(key, 0, tag)
  writeReference(key, 4, inode.reference)
  return key
}

/** The reparse point of a file, or null. */
export function reparsePointOf(core: Core, inode: Inode): ReparsePoint | null {
  const attribute = inode.find(AttributeType.REPARSE_POINT)
  return attribute === undefined ? null : readReparsePoint(readWhole(core.storage, attribute, REPARSE_MAX))
}

/** Makes a file a reparse point: the attribute, its flag, and the entry that lets Windows find it. */
export function setReparsePoint(core: Core, inode: Inode, value: Uint8Array): void {
  if (value.length > REPARSE_MAX) {
    throw new DiskError('EINVAL', 'a reparse point', {
      expected: `at most ${REPARSE_MAX} bytes`,
      actual: value.length,
    })
  }
  const { tag } = readReparsePoint(value)
  core.change()
  removeReparsePoint(core, inode)
  addAttribute(core, inode, new Attribute(AttributeType.REPARSE_POINT, '', value))
  inode.standardInformation.attributes |= FileAttribute.REPARSE_POINT
  fitInode(core, inode)
  const index = extendIndex(core, '$Reparse', IndexName.REPARSE)
  if (index !== null) {
    const entry = new Uint8Array(align8(ENTRY_HEADER + REPARSE_KEY))
    // Entries without data point behind their key.
    setU16(entry, 0, ENTRY_HEADER + REPARSE_KEY)
    setU16(entry, 8, entry.length)
    setU16(entry, 0x0a, REPARSE_KEY)
    entry.set(reparseKey(inode, tag), ENTRY_HEADER)
    insertEntry(index, entry)
  }
  markChanged(core, inode)
}

/** Makes a reparse point an ordinary file again. */
export function removeReparsePoint(core: Core, inode: Inode): void {
  const attribute = inode.find(AttributeType.REPARSE_POINT)
  if (attribute === undefined) return
  const { tag } = readReparsePoint(readWhole(core.storage, attribute, REPARSE_MAX))
  const index = extendIndex(core, '$Reparse', IndexName.REPARSE)
  if (index !== null) removeEntry(index, byWords(reparseKey(inode, tag)))
  removeAttribute(core, inode, attribute)
  inode.standardInformation.attributes &= ~FileAttribute.REPARSE_POINT
  markChanged(core, inode)
}

/** Takes a file that is about to be freed out of the volume's indexes of reparse points and object ids. */
export function dropIndexedPoints(core: Core, inode: Inode): void {
  removeReparsePoint(core, inode)
  const id = inode.find(AttributeType.OBJECT_ID)?.value
  if (id === null || id === undefined || id.length < OBJECT_ID_KEY) return
  const index = extendIndex(core, '$ObjId', IndexName.OWNER)
  if (index !== null) removeEntry(index, byWords(id.subarray(0, OBJECT_ID_KEY)))
}
