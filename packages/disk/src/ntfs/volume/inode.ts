import { DiskError } from '../../error.js'
import { type Attribute, AttributeType, attributeTypeName } from '../layout/attribute.js'
import { nameOf } from '../layout/file-name.js'
import { RecordFlag } from '../layout/file-record.js'
import type { Reference } from '../layout/reference.js'
import { StandardInformation } from '../layout/standard-information.js'

/** An MFT record beside the base one, and the update sequence number it carries. */
export interface Extension {
  readonly number: number
  readonly sequence: number
  fixup: number
  nextInstance: number
}

/**
 * One file or directory in memory: its base record, and all attributes whole, wherever they stand. Changes are made
 * here; `storeInode` lays them out over records again.
 */
export class Inode {
  readonly number: number
  sequence: number
  linkCount = 0
  /** Bits of `RecordFlag`. */
  flags: number
  lsn = 0n
  fixup = 1
  nextInstance = 0
  /** Sorted by type, then name. */
  attributes: Attribute[] = []
  extensions: Extension[] = []
  /** The $ATTRIBUTE_LIST, kept apart: it describes the others. */
  list: Attribute | null = null
  dirty = false
  /** Indexes that are in memory, by name; `openIndex` fills it. */
  readonly indexes = new Map<string, { readonly inode: Inode }>()
  /** Open handles; an inode with one is not dropped from memory. */
  opens = 0
  /** Deleted while open: its clusters and its record are freed with the last handle. */
  orphan = false
  /** Its record is given back: nothing of it may be written any more. */
  freed = false

  constructor(number: number, sequence: number, flags: number) {
    this.number = number
    this.sequence = sequence
    this.flags = flags
  }

  get reference(): Reference {
    return { number: this.number, sequence: this.sequence }
  }

  get isDirectory(): boolean {
    return (this.flags & RecordFlag.DIRECTORY) !== 0
  }

  find(type: number, name = ''): Attribute | undefined {
    for (const attribute of this.attributes) {
      if (attribute.type === type && attribute.name === name) return attribute
    }
    return undefined
  }

  /** As `find`, but a missing attribute is a damaged file: `EUCLEAN`. */
  need(type: number, name = ''): Attribute {
    const found = this.find(type, name)
    if (found !== undefined) return found
    const what = name === '' ? attributeTypeName(type) : `${attributeTypeName(type)}:${name}`
    throw new DiskError('EUCLEAN', `MFT record ${this.number} has no ${what}`)
  }

  all(type: number): Attribute[] {
    return this.attributes.filter((attribute) => attribute.type === type)
  }

  get standardInformation(): StandardInformation {
    const value = this.need(AttributeType.STANDARD_INFORMATION).value
    if (value === null || value.length < 0x30) {
      throw new DiskError('EUCLEAN', `$STANDARD_INFORMATION of MFT record ${this.number} is too short`)
    }
    return new StandardInformation(value)
  }

  /** Its first name, for messages. */
  get someName(): string {
    const value = this.find(AttributeType.FILE_NAME)?.value
    return value === null || value === undefined ? `MFT record ${this.number}` : nameOf(value, 0)
  }
}
