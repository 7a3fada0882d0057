import { createHash, randomFillSync } from 'node:crypto'

/** Where GUIDs, serial numbers and signatures come from: `length` bytes that nobody used before. */
export type RandomBytes = (length: number) => Uint8Array

/** The system's generator. */
export const systemRandom: RandomBytes = (length) => randomFillSync(new Uint8Array(length))

/**
 * The same bytes for the same seed on every machine (SHA-256 of the seed and a counter), so that an image can be made
 * twice and be equal byte for byte. Not for secrets.
 */
export function seededRandom(seed: string): RandomBytes {
  let block = 0
  let left = new Uint8Array(0)
  return (length) => {
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      if (left.length === 0)
        left = new Uint8Array(createHash('sha256').update(`${seed}\0${block++}`).digest())
      const part = Math.min(left.length, length - done)
      bytes.set(left.subarray(0, part), done)
      left = left.subarray(part)
      done += part
    }
    return bytes
  }
}

/** A version 4 GUID in the upper-case text form. */
export function randomGuid(random: RandomBytes): string {
  const bytes = random(16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Buffer.from(bytes).toString('hex').toUpperCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
