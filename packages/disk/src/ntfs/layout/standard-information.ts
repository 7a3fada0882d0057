import { big64, setBig64, setU32, u32 } from './bytes.js'
import type { FileTime } from './filetime.js'

/** DOS file attributes as $STANDARD_INFORMATION and $FILE_NAME hold them. */
export const FileAttribute = {
  READONLY: 0x0001,
  HIDDEN: 0x0002,
  SYSTEM: 0x0004,
  ARCHIVE: 0x0020,
  TEMPORARY: 0x0100,
  SPARSE_FILE: 0x0200,
  REPARSE_POINT: 0x0400,
  COMPRESSED: 0x0800,
  OFFLINE: 0x1000,
  NOT_CONTENT_INDEXED: 0x2000,
  ENCRYPTED: 0x4000,
  /** Only in $FILE_NAME: a directory. */
  DIRECTORY: 0x1000_0000,
  /** Only in $FILE_NAME: a file with view indexes, as $Secure. */
  VIEW_INDEX: 0x2000_0000,
} as const

/** The four times of a file. */
export interface Times {
  created: FileTime
  modified: FileTime
  changed: FileTime
  accessed: FileTime
}

/** Bytes up to NTFS 1.2, and since 3.0 with owner, security id, quota and USN. */
export const STANDARD_INFORMATION_OLD = 0x30
export const STANDARD_INFORMATION_SIZE = 0x48

/** $STANDARD_INFORMATION as a view on its bytes: what is set here is in the attribute at once. */
export class StandardInformation {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  static create(times: Times, attributes: number, securityId: number): StandardInformation {
    const info = new StandardInformation(new Uint8Array(STANDARD_INFORMATION_SIZE))
    info.times = times
    info.attributes = attributes
    setU32(info.bytes, 0x34, securityId)
    return info
  }

  get times(): Times {
    return readTimes(this.bytes, 0)
  }

  set times(times: Times) {
    writeTimes(this.bytes, 0, times)
  }

  /** Bits of `FileAttribute`. */
  get attributes(): number {
    return u32(this.bytes, 0x20)
  }

  set attributes(attributes: number) {
    setU32(this.bytes, 0x20, attributes)
  }

  /** The descriptor's number in $Secure; 0 when the file has its own, or none. */
  get securityId(): number {
    return this.bytes.length >= STANDARD_INFORMATION_SIZE ? u32(this.bytes, 0x34) : 0
  }

  get ownerId(): number {
    return this.bytes.length >= STANDARD_INFORMATION_SIZE ? u32(this.bytes, 0x30) : 0
  }

  get usn(): bigint {
    return this.bytes.length >= STANDARD_INFORMATION_SIZE ? big64(this.bytes, 0x40) : 0n
  }
}

/** Four times in the order of the disk: created, modified, changed, accessed. */
export function readTimes(b: Uint8Array, o: number): Times {
  return {
    created: big64(b, o),
    modified: big64(b, o + 8),
    changed: big64(b, o + 16),
    accessed: big64(b, o + 24),
  }
}

export function writeTimes(b: Uint8Array, o: number, times: Times): void {
  setBig64(b, o, times.created)
  setBig64(b, o + 8, times.modified)
  setBig64(b, o + 16, times.changed)
  setBig64(b, o + 24, times.accessed)
}
