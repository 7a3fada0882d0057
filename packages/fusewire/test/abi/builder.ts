/** Builds bytes of messages without any help from the code under test. */
export class Bytes {
  readonly #parts: number[] = []

  get length(): number {
    return this.#parts.length
  }

  u8(...values: number[]): this {
    for (const value of values) this.#parts.push(value & 0xff)
    return this
  }

  u16(...values: number[]): this {
    for (const value of values) this.u8(value, value >> 8)
    return this
  }

  u32(...values: number[]): this {
    for (const value of values) this.u8(value, value >>> 8, value >>> 16, value >>> 24)
    return this
  }

  u64(...values: (number | bigint)[]): this {
    for (const value of values) {
      const big = BigInt.asUintN(64, BigInt(value))
      for (let shift = 0n; shift < 64n; shift += 8n) this.#parts.push(Number((big >> shift) & 0xffn))
    }
    return this
  }

  bytes(values: Iterable<number>): this {
    for (const value of values) this.#parts.push(value)
    return this
  }

  /** UTF-8 with a NUL behind it. */
  name(text: string): this {
    return this.bytes(Buffer.from(text)).u8(0)
  }

  /** Zeroes up to a multiple of `to`. */
  pad(to: number): this {
    while (this.#parts.length % to !== 0) this.#parts.push(0)
    return this
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#parts)
  }
}

export interface HeaderFields {
  unique?: number | bigint
  nodeid?: number | bigint
  uid?: number
  gid?: number
  pid?: number
  /** In units of 8 bytes. */
  extlen?: number
}

/** A whole request: `fuse_in_header` with the right length, and `body`. */
export function request(
  opcode: number,
  body: Bytes | Uint8Array = new Bytes(),
  header: HeaderFields = {},
): Uint8Array {
  const tail = body instanceof Bytes ? body.done() : body
  return new Bytes()
    .u32(40 + tail.length, opcode)
    .u64(header.unique ?? 4, header.nodeid ?? 1)
    .u32(header.uid ?? 1000, header.gid ?? 1000, header.pid ?? 77)
    .u16(header.extlen ?? 0, 0)
    .bytes(tail)
    .done()
}

/** A buffer with `message` at word `at`, filled with 0xa5 elsewhere, as both views. */
export function place(message: Uint8Array, at = 0, room = 64): { u: Uint32Array; bytes: Uint8Array } {
  const size = (at * 4 + message.length + room + 7) & ~7
  const bytes = new Uint8Array(size).fill(0xa5)
  bytes.set(message, at * 4)
  return { u: new Uint32Array(bytes.buffer), bytes }
}
