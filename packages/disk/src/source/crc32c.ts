/** Table of the reflected Castagnoli polynomial 0x82f63b78 (RFC 3720, appendix B.4), which VHDX uses. */
const TABLE = new Uint32Array(256)
for (let i = 0; i < 256; i++) {
  let value = i
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  TABLE[i] = value >>> 0
}

/** CRC-32C of `bytes`, with the four bytes at `zeroed` taken as zeros (a checksum covers its own field so). */
export function crc32c(bytes: Uint8Array, zeroed = -4): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++) {
    const byte = i >= zeroed && i < zeroed + 4 ? 0 : (bytes[i] ?? 0)
    crc = (TABLE[(crc ^ byte) & 255] ?? 0) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}
