/**
 * Names between bytes and strings. The kernel treats a name as bytes without '/' and NUL; two views of it exist:
 *
 * - `utf8`: what users of Linux mean. Bytes that are no valid UTF-8 have no string: decoding gives null.
 * - `latin1`: one character per byte, so that every name has a string and survives a round trip. For file systems that
 *   pass names through.
 */
export type NameEncoding = 'utf8' | 'latin1'

/** Longer names bypass the cache: they are rare, and the cache's memory is entries times this. */
const CACHED_LENGTH_MAX = 64
/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * Decodes names, and makes no garbage for one that was seen lately. Direct mapped and of fixed size: a name can only
 * push out another one, so hostile names cost time and never memory.
 */
export class NameCache {
  readonly encoding: NameEncoding
  readonly #mask: number
  /** Bytes of the cached names, CACHED_LENGTH_MAX per entry. */
  readonly #bytes: Uint8Array
  /** Length of each cached name; 0 for an empty entry. */
  readonly #lengths: Uint8Array
  readonly #names: string[]

  /** @param entries A power of two; 1024 entries take 64 KiB and the strings. */
  constructor(encoding: NameEncoding = 'utf8', entries = 1024) {
    if (!Number.isInteger(Math.log2(entries)))
      throw new RangeError(`entries is ${entries}, not a power of two`)
    this.encoding = encoding
    this.#mask = entries - 1
    this.#bytes = new Uint8Array(entries * CACHED_LENGTH_MAX)
    this.#lengths = new Uint8Array(entries)
    this.#names = new Array<string>(entries).fill('')
  }

  /** The name in `bytes[start .. start + length)`; null when it is not valid in the cache's encoding. */
  decode(bytes: Uint8Array, start: number, length: number): string | null {
    if (length === 0) return ''
    if (length > CACHED_LENGTH_MAX) return decodeName(bytes, start, length, this.encoding)
    let hash = FNV_OFFSET
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[start + i]!, FNV_PRIME)
    // The low bits of FNV-1a are the weak ones: fold the high half in.
    const entry = (hash ^ (hash >>> 16)) & this.#mask
    if (this.#lengths[entry] === length && this.#same(entry, bytes, start, length)) return this.#names[entry]!
    const name = decodeName(bytes, start, length, this.encoding)
    if (name !== null) this.#keep(entry, bytes, start, length, name)
    return name
  }

  #same(entry: number, bytes: Uint8Array, start: number, length: number): boolean {
    const cached = entry * CACHED_LENGTH_MAX
    for (let i = 0; i < length; i++) if (this.#bytes[cached + i] !== bytes[start + i]) return false
    return true
  }

  #keep(entry: number, bytes: Uint8Array, start: number, length: number, name: string): void {
    const cached = entry * CACHED_LENGTH_MAX
    for (let i = 0; i < length; i++) this.#bytes[cached + i] = bytes[start + i]!
    this.#lengths[entry] = length
    this.#names[entry] = name
  }
}

/** A byte order mark is part of a name like any other character. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/** The name in `bytes[start .. start + length)`; null for `utf8` when the bytes are no valid UTF-8. */
export function decodeName(
  bytes: Uint8Array,
  start: number,
  length: number,
  encoding: NameEncoding,
): string | null {
  const view = bytes.subarray(start, start + length)
  if (encoding === 'latin1') return latin1(view)
  return isUtf8(bytes, start, length) ? utf8.decode(view) : null
}

function latin1(view: Uint8Array): string {
  // TextDecoder's latin1 is windows-1252. Pieces, because arguments live on the stack.
  let text = ''
  for (let i = 0; i < view.length; i += 1024) {
    text += String.fromCharCode.apply(null, view.subarray(i, i + 1024) as unknown as number[])
  }
  return text
}

/**
 * Whether the bytes are valid UTF-8: shortest form, no surrogates, nothing above U+10FFFF (RFC 3629,
 * section 4).
 */
export function isUtf8(bytes: Uint8Array, start: number, length: number): boolean {
  const end = start + length
  let p = start
  while (p < end) {
    const lead = bytes[p++]!
    if (lead < 0x80) continue
    const more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0
    if (more === 0 || end - p < more) return false
    const second = bytes[p]!
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return false
    for (let i = 1; i < more; i++) if ((bytes[p + i]! & 0xc0) !== 0x80) return false
    p += more
  }
  return true
}

/**
 * Bytes that `name` takes on the wire, without NUL; -1 when it has no form in the encoding: a lone surrogate in
 * `utf8`, a character above U+00FF in `latin1`.
 */
export function nameLength(name: string, encoding: NameEncoding): number {
  let length = name.length
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit < 0x80) continue
    if (encoding === 'latin1') {
      if (unit > 0xff) return -1
    } else if (unit < 0x800) {
      length += 1
    } else if (unit < 0xd800 || unit > 0xdfff) {
      length += 2
    } else {
      if (unit > 0xdbff || (name.charCodeAt(i + 1) & 0xfc00) !== 0xdc00) return -1
      length += 2 // two units become four bytes
      i++
    }
  }
  return length
}

/**
 * Writes `name` at byte `at`, without NUL. `nameLength` must have said that it has a form; the caller has
 * the room.
 */
export function putName(bytes: Uint8Array, at: number, name: string, encoding: NameEncoding): void {
  let p = at
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit < 0x80 || encoding === 'latin1') {
      bytes[p++] = unit
    } else if (unit < 0x800) {
      bytes[p++] = 0xc0 | (unit >> 6)
      bytes[p++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[p++] = 0xe0 | (unit >> 12)
      bytes[p++] = 0x80 | ((unit >> 6) & 0x3f)
      bytes[p++] = 0x80 | (unit & 0x3f)
    } else {
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (name.charCodeAt(++i) & 0x3ff)
      bytes[p++] = 0xf0 | (point >> 18)
      bytes[p++] = 0x80 | ((point >> 12) & 0x3f)
      bytes[p++] = 0x80 | ((point >> 6) & 0x3f)
      bytes[p++] = 0x80 | (point & 0x3f)
    }
  }
}
