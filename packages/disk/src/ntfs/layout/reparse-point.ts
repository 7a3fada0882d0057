import { corrupt } from '../../error.js'
import { setU16, setU32, setUtf16, u16, u32, utf16 } from './bytes.js'

/** Reparse tags that have a meaning here; others are reported by number. */
export const ReparseTag = {
  MOUNT_POINT: 0xa000_0003,
  SYMLINK: 0xa000_000c,
  DEDUP: 0x8000_0013,
  WOF: 0x8000_0017,
  /** WSL: a symlink, a socket, a FIFO, a character device, a block device. */
  LX_SYMLINK: 0xa000_001d,
  AF_UNIX: 0x8000_0023,
  LX_FIFO: 0x8000_0024,
  LX_CHR: 0x8000_0025,
  LX_BLK: 0x8000_0026,
  /** Cloud files: bits 12 to 15 vary. */
  CLOUD: 0x9000_001a,
} as const

/** Bytes of a reparse point that Windows accepts (MAXIMUM_REPARSE_DATA_BUFFER_SIZE). */
export const REPARSE_MAX = 16384

export interface ReparsePoint {
  readonly tag: number
  /** Behind the 8 bytes of header (24 with a third party's GUID). */
  readonly data: Uint8Array
}

/** A link that a reparse point describes. */
export interface LinkTarget {
  readonly kind: 'symlink' | 'junction' | 'wsl'
  /** As stored: for Windows links the substitute name (`\??\C:\x`, or a relative path with backslashes). */
  readonly target: string
  /** What Windows shows; the target itself for WSL links. */
  readonly print: string
  readonly relative: boolean
}

/** Tags of Microsoft have bit 31 set; others carry a GUID behind the header. */
function headerSize(tag: number): number {
  return tag >= 0x8000_0000 ? 8 : 24
}

export function readReparsePoint(b: Uint8Array): ReparsePoint {
  const tag = b.length >= 8 ? u32(b, 0) : 0
  const length = b.length >= 8 ? u16(b, 4) : 0
  const header = headerSize(tag)
  if (header + length > b.length)
    throw corrupt('length of a reparse point', 4, `at most ${b.length - header}`, length)
  return { tag, data: b.subarray(header, header + length) }
}

export function encodeReparsePoint(tag: number, data: Uint8Array): Uint8Array {
  const b = new Uint8Array(8 + data.length)
  setU32(b, 0, tag)
  setU16(b, 4, data.length)
  b.set(data, 8)
  return b
}

function pathIn(data: Uint8Array, at: number, base: number): string {
  const offset = u16(data, at)
  const length = u16(data, at + 2)
  if (base + offset + length > data.length) {
    throw corrupt('a name of a reparse point', 8 + at, `inside of ${data.length} bytes`, offset + length)
  }
  return utf16(data, base + offset, length >> 1)
}

/** The link that a reparse point is, or null when it is something else. */
export function linkTarget({ tag, data }: ReparsePoint): LinkTarget | null {
  if (tag === ReparseTag.LX_SYMLINK && data.length >= 4) {
    const target = Buffer.from(data.subarray(4)).toString('utf8')
    return { kind: 'wsl', target, print: target, relative: !target.startsWith('/') }
  }
  if (tag === ReparseTag.SYMLINK && data.length >= 12) {
    const relative = (u32(data, 8) & 1) !== 0
    return { kind: 'symlink', target: pathIn(data, 0, 12), print: pathIn(data, 4, 12), relative }
  }
  if (tag === ReparseTag.MOUNT_POINT && data.length >= 8) {
    return { kind: 'junction', target: pathIn(data, 0, 8), print: pathIn(data, 4, 8), relative: false }
  }
  return null
}

/** Offsets, lengths and both names, behind `extra` bytes of flags. Junctions end their names with NUL. */
function encodeNames(substitute: string, print: string, extra: number, ending: number): Uint8Array {
  const first = substitute.length * 2
  const second = print.length * 2
  const data = new Uint8Array(8 + extra + first + second + 2 * ending)
  setU16(data, 2, first)
  setU16(data, 4, first + ending)
  setU16(data, 6, second)
  setUtf16(data, 8 + extra, substitute)
  setUtf16(data, 8 + extra + first + ending, print)
  return data
}

/** A Windows symbolic link. */
export function encodeSymlink(substitute: string, print: string, relative: boolean): Uint8Array {
  const data = encodeNames(substitute, print, 4, 0)
  setU32(data, 8, relative ? 1 : 0)
  return encodeReparsePoint(ReparseTag.SYMLINK, data)
}

/** A junction; the target is an absolute Windows path such as `\??\C:\x`. */
export function encodeJunction(substitute: string, print: string): Uint8Array {
  return encodeReparsePoint(ReparseTag.MOUNT_POINT, encodeNames(substitute, print, 0, 2))
}

/** A WSL symbolic link: any POSIX target. */
export function encodeLxSymlink(target: string): Uint8Array {
  const text = Buffer.from(target, 'utf8')
  const data = new Uint8Array(4 + text.length)
  setU32(data, 0, 2)
  data.set(text, 4)
  return encodeReparsePoint(ReparseTag.LX_SYMLINK, data)
}
