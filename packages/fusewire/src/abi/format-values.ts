import { FLAG_SETS, type FlagSetName, INIT_FLAGS } from './gen/flags.js'
import { type FieldLayout, layoutAll, type StructLayout } from './layout.js'
import { decodeName, isUtf8 } from './names.js'
import { STRUCTS } from './spec/structs.js'

/** Bytes of one name that a line shows at most. */
const NAME_SHOWN = 256

let layouts: Map<string, StructLayout> | null = null

/** Layout of a struct by its C name. Made on first use: only traces need it at run time. */
function layoutOf(name: string): StructLayout {
  layouts ??= layoutAll(STRUCTS)
  const layout = layouts.get(name)
  if (layout === undefined) throw new Error(`no struct ${name}`)
  return layout
}

/** Bytes of a struct by its C name. */
export const structSize = (name: string): number => layoutOf(name).size

/**
 * ` name=value` for every field of the struct at word `b` that lies in its first `size` bytes and is not padding.
 * The caller has checked that these bytes exist.
 */
export function formatStruct(name: string, u: Uint32Array, b: number, size: number): string {
  let text = ''
  for (const field of layoutOf(name).fields) {
    if (field.offset + field.size > size || /^_|^(dummy|padding|reserved|spare|unused)/.test(field.name))
      continue
    const word = b + (field.offset >> 2)
    if (field.struct !== null) {
      text += ` ${field.name}={${formatStruct(field.struct, u, word, field.size).trim()}}`
    } else if (field.scalar !== null && field.count === null) {
      text += ` ${field.name}=${formatScalar(field, u, word)}`
    }
  }
  return text
}

function formatScalar(field: FieldLayout, u: Uint32Array, word: number): string {
  const low = u[word]!
  const shift = (field.offset & 3) * 8
  switch (field.scalar) {
    case 'u64':
    case 'u64w':
      return big(low, u[word + 1]!).toString()
    case 'i64':
    case 'time64':
      return BigInt.asIntN(64, big(low, u[word + 1]!)).toString()
    case 'id64':
      return `0x${big(low, u[word + 1]!).toString(16)}`
    case 'i32':
      return String(low | 0)
    case 'u16':
      return formatNumber(field, (low >>> shift) & 0xffff)
    case 'u8':
      return formatNumber(field, (low >>> shift) & 0xff)
    default:
      return formatNumber(field, low)
  }
}

export const big = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low)

function formatNumber(field: FieldLayout, value: number): string {
  if (field.flags !== null) return formatFlags(field.flags, value)
  if (field.name === 'mode' || field.name === 'umask') return value === 0 ? '0' : `0${value.toString(8)}`
  if (field.name === 'rdev') return formatDevice(value)
  return String(value)
}

/** The kernel's 32-bit device number (`new_encode_dev` of linux/kdev_t.h) as `major:minor`. */
const formatDevice = (dev: number): string =>
  `${(dev >>> 8) & 0xfff}:${(dev & 0xff) | ((dev >>> 12) & 0xfff00)}`

/**
 * Names of the bits of `value`, `A|B|0x80`; `set` is a table of `FLAG_SETS`, `INIT_FLAGS` or `INIT_FLAGS2`.
 */
export function formatFlags(set: string, value: number): string {
  if (set === 'O') return formatOpenFlags(value)
  return joinFlags(bitsOf(set), value, '0')
}

/** [name, mask], those of several bits first. */
type Bits = readonly (readonly [string, number])[]
const bitsCache = new Map<string, Bits>()

function bitsOf(set: string): Bits {
  const known = bitsCache.get(set)
  if (known !== undefined) return known
  const entries =
    set === 'INIT_FLAGS' || set === 'INIT_FLAGS2'
      ? INIT_FLAGS.filter((flag) => flag.word === (set === 'INIT_FLAGS' ? 0 : 1)).map(
          (f) => [f.name, f.mask] as const,
        )
      : Object.entries(FLAG_SETS[set as FlagSetName] ?? {})
  const bits = [...entries].sort((a, b) => popcount(b[1]) - popcount(a[1]))
  bitsCache.set(set, bits)
  return bits
}

function popcount(value: number): number {
  let count = 0
  for (let rest = value; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++
  return count
}

function joinFlags(bits: Bits, value: number, none: string): string {
  const names: string[] = []
  let rest = value >>> 0
  for (const [name, mask] of bits) {
    if (mask !== 0 && (rest & mask) >>> 0 === mask) {
      names.push(name)
      rest = (rest & ~mask) >>> 0
    }
  }
  if (rest !== 0) names.push(`0x${rest.toString(16)}`)
  return names.length === 0 ? none : names.join('|')
}

/** The low two bits are a number: O_RDONLY is 0. arm64 has other values for four flags. */
function formatOpenFlags(value: number): string {
  const access = ['RDONLY', 'WRONLY', 'RDWR', 'ACCMODE'][value & 3]!
  const arm64 = typeof process !== 'undefined' && process.arch === 'arm64'
  const rest = joinFlags(bitsOf(arm64 ? 'O_ARM64' : 'O'), value & ~3, '')
  return rest === '' ? access : `${access}|${rest}`
}

/**
 * A name in quotes: printable characters as they are, the rest escaped, bytes that are no UTF-8 as `\xff`.
 */
export function quote(bytes: Uint8Array, start: number, length: number): string {
  let shown = Math.min(length, NAME_SHOWN)
  // Do not cut a character: go back to the start of the last one.
  while (shown < length && shown > 0 && (bytes[start + shown]! & 0xc0) === 0x80) shown--
  const more = shown < length ? `...(${length} bytes)` : ''
  if (isUtf8(bytes, start, shown))
    return `"${escapeText(decodeName(bytes, start, shown, 'utf8') ?? '')}"${more}`
  let text = ''
  for (let i = start; i < start + shown; i++) {
    const byte = bytes[i]!
    text += byte < 0x80 ? escapeText(String.fromCharCode(byte)) : `\\x${byte.toString(16)}`
  }
  return `"${text}"${more}`
}

/**
 * Keeps the line one line and the terminal safe: controls, separators and unassigned characters are
 * escaped.
 */
const escapeText = (text: string): string =>
  text.replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]/gu, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : c === '\n' ? '\\n' : `\\u{${c.codePointAt(0)?.toString(16)}}`,
  )
