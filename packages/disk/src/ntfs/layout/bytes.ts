/**
 * Little-endian integers in a `Uint8Array`. Plain arithmetic on indexes is what V8 optimises best for records of
 * changing length; a `DataView` per record costs more than it saves.
 */

const TWO_32 = 0x1_0000_0000
const TWO_16 = 0x1_0000

export function u16(b: Uint8Array, o: number): number {
  return (b[o] as number) | ((b[o + 1] as number) << 8)
}

export function u32(b: Uint8Array, o: number): number {
  return (u16(b, o) | (u16(b, o + 2) << 16)) >>> 0
}

/** 48 bits: the record number of an MFT reference. */
export function u48(b: Uint8Array, o: number): number {
  return u32(b, o) + u16(b, o + 4) * TWO_32
}

/** 64 bits as a number. Above 2^53 - 1 it is rounded: callers compare it with a limit, which refuses it. */
export function u64(b: Uint8Array, o: number): number {
  return u32(b, o) + u32(b, o + 4) * TWO_32
}

/** Signed 64 bits, rounded beyond +-2^53. */
export function i64(b: Uint8Array, o: number): number {
  return u32(b, o) + (u32(b, o + 4) | 0) * TWO_32
}

/** One 64-bit number in both views: shifting bigints costs ten times as much as passing them through memory. */
const wide = new BigUint64Array(1)
const halves = new Uint32Array(wide.buffer)

export function big64(b: Uint8Array, o: number): bigint {
  halves[0] = u32(b, o)
  halves[1] = u32(b, o + 4)
  return wide[0] as bigint
}

export function setU16(b: Uint8Array, o: number, value: number): void {
  b[o] = value
  b[o + 1] = value >>> 8
}

export function setU32(b: Uint8Array, o: number, value: number): void {
  b[o] = value
  b[o + 1] = value >>> 8
  b[o + 2] = value >>> 16
  b[o + 3] = value >>> 24
}

export function setU48(b: Uint8Array, o: number, value: number): void {
  setU32(b, o, value >>> 0)
  setU16(b, o + 4, Math.floor(value / TWO_32) % TWO_16)
}

/** A safe integer, also a negative one, as 64 bits. */
export function setU64(b: Uint8Array, o: number, value: number): void {
  setU32(b, o, value >>> 0)
  setU32(b, o + 4, Math.floor(value / TWO_32) >>> 0)
}

export function setBig64(b: Uint8Array, o: number, value: bigint): void {
  wide[0] = value
  setU32(b, o, halves[0] as number)
  setU32(b, o + 4, halves[1] as number)
}

/** Text of UTF-16 code units; unpaired surrogates pass as they are. */
export function utf16(b: Uint8Array, o: number, units: number): string {
  if (units > 512) return Buffer.from(b.buffer, b.byteOffset + o, units * 2).toString('utf16le')
  let text = ''
  for (let i = 0; i < units; i++) text += String.fromCharCode(u16(b, o + 2 * i))
  return text
}

export function setUtf16(b: Uint8Array, o: number, text: string): void {
  for (let i = 0; i < text.length; i++) setU16(b, o + 2 * i, text.charCodeAt(i))
}

export function utf16Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2)
  setUtf16(bytes, 0, text)
  return bytes
}

/** The next multiple of 8: attributes, index entries and list entries are padded to it. */
export function align8(n: number): number {
  return Math.ceil(n / 8) * 8
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
