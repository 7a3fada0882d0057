import { corrupt } from './error.js'

/** Little- and big-endian fields of on-disk structures. A field outside of the bytes throws RangeError: a caller's bug. */
function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

export const le16 = (bytes: Uint8Array, at: number): number => view(bytes).getUint16(at, true)
export const le32 = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, true)
export const be32 = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, false)
export const le64big = (bytes: Uint8Array, at: number): bigint => view(bytes).getBigUint64(at, true)
export const be64big = (bytes: Uint8Array, at: number): bigint => view(bytes).getBigUint64(at, false)

export function putLe16(bytes: Uint8Array, at: number, value: number): void {
  view(bytes).setUint16(at, value, true)
}

export function putLe32(bytes: Uint8Array, at: number, value: number): void {
  view(bytes).setUint32(at, value, true)
}

export function putLe64(bytes: Uint8Array, at: number, value: number | bigint): void {
  view(bytes).setBigUint64(at, BigInt(value), true)
}

function narrow(value: bigint, what: string, position: number): number {
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw corrupt(what, position, 'a value below 2^53', value)
}

/**
 * A 64-bit field as a number.
 *
 * @param base byte position of `bytes` on the disk, for the error `EUCLEAN` that a value of 2^53 or more costs.
 */
export function le64(bytes: Uint8Array, at: number, what: string, base: number): number {
  return narrow(le64big(bytes, at), what, base + at)
}

/** As `le64`, big-endian. */
export function be64(bytes: Uint8Array, at: number, what: string, base: number): number {
  return narrow(be64big(bytes, at), what, base + at)
}

/** ASCII of a fixed field, for signatures. */
export function ascii(bytes: Uint8Array, at: number, length: number): string {
  let text = ''
  for (const byte of bytes.subarray(at, at + length)) text += String.fromCharCode(byte)
  return text
}

/** Writes ASCII into a fixed field. */
export function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i) & 0x7f
}

export function isZero(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false
  return true
}

/**
 * A GUID as it lies on disk (RFC 9562 text order for the last eight bytes, little-endian for the first three groups),
 * in upper case as partition tools print it.
 */
export function guidText(bytes: Uint8Array, at: number): string {
  const hex = (i: number) => (bytes[at + i] ?? 0).toString(16).padStart(2, '0')
  const group = (...order: number[]) => order.map(hex).join('')
  const text = [group(3, 2, 1, 0), group(5, 4), group(7, 6), group(8, 9), group(10, 11, 12, 13, 14, 15)].join(
    '-',
  )
  return text.toUpperCase()
}

/** True for the text form that `putGuid` takes. */
export function isGuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)
}

/** Writes the on-disk form of a GUID text. */
export function putGuid(bytes: Uint8Array, at: number, text: string): void {
  const hex = text.replaceAll('-', '')
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  for (const [i, from] of order.entries())
    bytes[at + i] = Number.parseInt(hex.slice(from * 2, from * 2 + 2), 16)
}
