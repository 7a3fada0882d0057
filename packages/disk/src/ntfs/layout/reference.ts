import { setU16, setU48, u16, u48 } from './bytes.js'

/** Points to an MFT record: its number, and the sequence that tells whether it is still the same file. */
export interface Reference {
  /** 48 bits. */
  readonly number: number
  /** 16 bits; 0 matches every sequence. */
  readonly sequence: number
}

export function readReference(b: Uint8Array, o: number): Reference {
  return { number: u48(b, o), sequence: u16(b, o + 6) }
}

export function writeReference(b: Uint8Array, o: number, reference: Reference): void {
  setU48(b, o, reference.number)
  setU16(b, o + 6, reference.sequence)
}

/** Numbers of the records with a fixed meaning. */
export const SystemRecord = {
  MFT: 0,
  MFT_MIRROR: 1,
  LOG_FILE: 2,
  VOLUME: 3,
  ATTRIBUTE_DEFINITIONS: 4,
  ROOT: 5,
  BITMAP: 6,
  BOOT: 7,
  BAD_CLUSTERS: 8,
  SECURE: 9,
  UPCASE: 10,
  EXTEND: 11,
} as const

/** Records below this number are the volume's own; 12 to 15 are reserved, 16 to 23 kept for extensions of $MFT. */
export const FIRST_USER_RECORD = 24
