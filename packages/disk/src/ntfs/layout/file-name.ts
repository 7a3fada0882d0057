import { corrupt } from '../../error.js'
import { setU32, setU64, setUtf16, u16, u32, u64, utf16 } from './bytes.js'
import { type Reference, readReference, writeReference } from './reference.js'
import { readTimes, type Times, writeTimes } from './standard-information.js'

/** Which rules a name obeys. A file with a Win32 name has a DOS one beside it in the same directory. */
export const Namespace = { POSIX: 0, WIN32: 1, DOS: 2, WIN32_AND_DOS: 3 } as const

/** UTF-16 code units of a name. */
export const NAME_MAX = 255

/** Bytes before the name. */
export const FILE_NAME_HEADER = 0x42

/** $FILE_NAME: the value of the attribute, and the key of a directory's index entry. */
export interface FileName {
  readonly parent: Reference
  readonly times: Times
  /** Bytes. */
  readonly allocatedSize: number
  readonly dataSize: number
  /** Bits of `FileAttribute`. */
  readonly attributes: number
  /** Reparse tag of a reparse point, else the packed size of the extended attributes. */
  readonly tag: number
  readonly namespace: number
  readonly name: string
}

/** Refuses a key that is too short for its own name. */
export function checkFileName(b: Uint8Array, o: number, length: number, position: number): void {
  const units = length >= FILE_NAME_HEADER ? (b[o + 0x40] as number) : 0
  if (units === 0 || FILE_NAME_HEADER + 2 * units > length) {
    throw corrupt('length of a $FILE_NAME', position + o + 0x40, `a name inside of ${length} bytes`, units)
  }
}

export function readFileName(b: Uint8Array, o: number, length: number, position: number): FileName {
  checkFileName(b, o, length, position)
  return {
    parent: readReference(b, o),
    times: readTimes(b, o + 8),
    allocatedSize: u64(b, o + 0x28),
    dataSize: u64(b, o + 0x30),
    attributes: u32(b, o + 0x38),
    tag: u32(b, o + 0x3c),
    namespace: b[o + 0x41] as number,
    name: utf16(b, o + FILE_NAME_HEADER, b[o + 0x40] as number),
  }
}

export function encodeFileName(f: FileName): Uint8Array {
  const b = new Uint8Array(FILE_NAME_HEADER + 2 * f.name.length)
  writeReference(b, 0, f.parent)
  writeTimes(b, 8, f.times)
  setU64(b, 0x28, f.allocatedSize)
  setU64(b, 0x30, f.dataSize)
  setU32(b, 0x38, f.attributes)
  setU32(b, 0x3c, f.tag)
  b[0x40] = f.name.length
  b[0x41] = f.namespace
  setUtf16(b, FILE_NAME_HEADER, f.name)
  return b
}

/** The name alone, of a checked $FILE_NAME. */
export function nameOf(b: Uint8Array, o: number): string {
  return utf16(b, o + FILE_NAME_HEADER, b[o + 0x40] as number)
}

/**
 * Order of a name (its folded and its plain form) and the name of a $FILE_NAME: by folded code units, the shorter
 * first; then, for names that differ only in case, by the plain code units.
 *
 * @returns below 0 when `name` comes first, 0 when equal in every unit.
 */
export function compareName(
  name: string,
  folded: string,
  b: Uint8Array,
  o: number,
  upcase: Uint16Array,
): number {
  const length = b[o + 0x40] as number
  const start = o + FILE_NAME_HEADER
  const shared = Math.min(length, name.length)
  for (let i = 0; i < shared; i++) {
    const difference = folded.charCodeAt(i) - (upcase[u16(b, start + 2 * i)] as number)
    if (difference !== 0) return difference
  }
  if (name.length !== length) return name.length - length
  for (let i = 0; i < shared; i++) {
    const difference = name.charCodeAt(i) - u16(b, start + 2 * i)
    if (difference !== 0) return difference
  }
  return 0
}

/** True when the names are equal but for case. */
export function equalFolded(folded: string, b: Uint8Array, o: number, upcase: Uint16Array): boolean {
  if ((b[o + 0x40] as number) !== folded.length) return false
  const start = o + FILE_NAME_HEADER
  for (let i = 0; i < folded.length; i++) {
    if (folded.charCodeAt(i) !== (upcase[u16(b, start + 2 * i)] as number)) return false
  }
  return true
}
