import type { Runlist } from './runlist.js'

/** Attribute types ($AttrDef). */
export const AttributeType = {
  STANDARD_INFORMATION: 0x10,
  ATTRIBUTE_LIST: 0x20,
  FILE_NAME: 0x30,
  OBJECT_ID: 0x40,
  SECURITY_DESCRIPTOR: 0x50,
  VOLUME_NAME: 0x60,
  VOLUME_INFORMATION: 0x70,
  DATA: 0x80,
  INDEX_ROOT: 0x90,
  INDEX_ALLOCATION: 0xa0,
  BITMAP: 0xb0,
  REPARSE_POINT: 0xc0,
  EA_INFORMATION: 0xd0,
  EA: 0xe0,
  LOGGED_UTILITY_STREAM: 0x100,
} as const

/** Marks the end of the attributes of a record. */
export const END_OF_ATTRIBUTES = 0xffff_ffff

/** Attribute flags. */
export const AttributeFlag = { COMPRESSED: 0x0001, ENCRYPTED: 0x4000, SPARSE: 0x8000 } as const

/** Clusters of a compression unit as a power of two, on compressed and on sparse attributes. */
export const COMPRESSION_UNIT = 4

const NAMES = new Map<number, string>(
  Object.entries(AttributeType).map(([name, type]) => [type, `$${name}`] as [number, string]),
)

/** `$DATA`, or `attribute type 0x...` for an unknown one. */
export function attributeTypeName(type: number): string {
  return NAMES.get(type) ?? `attribute type 0x${type.toString(16)}`
}

/**
 * One attribute of a file, whole: when it is spread over several MFT records, its extents are joined. Resident with
 * its bytes in `value`, or non-resident with its clusters in `runs`; exactly one of both is set.
 */
export class Attribute {
  readonly type: number
  readonly name: string
  /** Bits of `AttributeFlag`. */
  flags = 0
  /** Unique among the attributes of one record; -1 until it is first written. */
  instance = -1
  value: Uint8Array | null
  /** The resident flag "indexed", 1 on $FILE_NAME. */
  indexed = 0
  runs: Runlist | null = null
  /** Logarithm of the clusters of a compression unit, 0 without. */
  compressionUnit = 0
  /** Bytes; for a non-resident attribute as in its first extent. A resident one has only `dataSize`. */
  dataSize: number
  initializedSize: number
  /** Bytes from VCN 0 to the end of the clusters, holes included. */
  allocatedSize = 0

  constructor(type: number, name: string, value: Uint8Array | null) {
    this.type = type
    this.name = name
    this.value = value
    this.dataSize = value?.length ?? 0
    this.initializedSize = this.dataSize
  }

  /** The same attribute with the same clusters, to be read while this one changes. */
  copy(): Attribute {
    const copy = new Attribute(this.type, this.name, this.value)
    copy.flags = this.flags
    copy.runs = this.runs
    copy.compressionUnit = this.compressionUnit
    copy.dataSize = this.dataSize
    copy.initializedSize = this.initializedSize
    copy.allocatedSize = this.allocatedSize
    return copy
  }

  get resident(): boolean {
    return this.value !== null
  }

  /** True when the bytes pass through LZNT1. */
  get compressed(): boolean {
    return (this.flags & AttributeFlag.COMPRESSED) !== 0
  }

  get sparse(): boolean {
    return (this.flags & AttributeFlag.SPARSE) !== 0
  }

  get encrypted(): boolean {
    return (this.flags & AttributeFlag.ENCRYPTED) !== 0
  }

  /** For messages: `$DATA` or `$DATA:name`. */
  get label(): string {
    return this.name === '' ? attributeTypeName(this.type) : `${attributeTypeName(this.type)}:${this.name}`
  }

  /** Swaps the bytes of a resident attribute. */
  setValue(value: Uint8Array): void {
    this.value = value
    this.dataSize = value.length
    this.initializedSize = value.length
  }
}
