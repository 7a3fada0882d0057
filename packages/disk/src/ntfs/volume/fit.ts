import { type Attribute, AttributeType } from '../layout/attribute.js'
import { attributeSize, residentSize } from '../layout/attribute-record.js'
import { recordHeaderSize } from '../layout/file-record.js'
import type { Core } from './core.js'
import type { Inode } from './inode.js'
import { makeNonResident } from './nonresident.js'

/** Types that the format allows only inside of a record. */
const ALWAYS_RESIDENT: ReadonlySet<number> = new Set([
  AttributeType.STANDARD_INFORMATION,
  AttributeType.FILE_NAME,
  AttributeType.OBJECT_ID,
  AttributeType.VOLUME_NAME,
  AttributeType.VOLUME_INFORMATION,
  AttributeType.INDEX_ROOT,
  AttributeType.EA_INFORMATION,
])

/** A record of a non-resident attribute with one run is at most so long: moving less than that out gains nothing. */
const NONRESIDENT_TYPICAL = 0x58

/** Bytes of a record for attributes: without the header and the end mark. */
export function attributeRoom(recordSize: number): number {
  return recordSize - recordHeaderSize(recordSize) - 8
}

/** Bytes of all attributes in one record; only "too many" when above `most`. */
export function attributesSize(inode: Inode, most: number, except?: Attribute): number {
  let size = 0
  for (const attribute of inode.attributes) {
    if (attribute === except) continue
    size += attributeSize(attribute, most)
    if (size > most) return size
  }
  return size
}

/** The resident attribute that gains most by moving to clusters. */
function largestMovable(inode: Inode): Attribute | null {
  let best: Attribute | null = null
  let bestSize = NONRESIDENT_TYPICAL
  for (const attribute of inode.attributes) {
    if (!attribute.resident || ALWAYS_RESIDENT.has(attribute.type)) continue
    const size = residentSize(attribute)
    if (size > bestSize) {
      best = attribute
      bestSize = size
    }
  }
  return best
}

/**
 * Makes a file fit into its record where that can be done without an attribute list: by moving resident values to
 * clusters, or entries of an index root to an index block. What still does not fit is spread over more records when
 * the file is stored.
 */
export function fitInode(core: Core, inode: Inode): void {
  const room = attributeRoom(core.storage.geometry.recordSize)
  while (attributesSize(inode, room) > room) {
    const movable = largestMovable(inode)
    if (movable !== null) makeNonResident(core, inode, movable)
    else if (!core.shrinkRoot(inode)) return
  }
}
