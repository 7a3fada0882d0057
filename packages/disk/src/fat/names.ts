import { DiskError } from '../error.js'

/** Upper case of each UTF-16 unit for itself, as FAT and exFAT compare names; units that would become two stay. */
export function upcase(name: string): string {
  let folded = ''
  for (const unit of name) {
    const upper = unit.toUpperCase()
    folded += upper.length === unit.length ? upper : unit
  }
  return folded
}

/** Characters that no name may hold (specification, section 7). */
const FORBIDDEN = '"*/:<>?\\|\x7f'
/** Characters that a long name may hold but an 8.3 name may not. */
const SHORT = /^[A-Z0-9!#$%&'()\-@^_`{}~]+$/

function hasForbidden(name: string): boolean {
  for (const unit of name) if (unit < ' ' || FORBIDDEN.includes(unit)) return true
  return false
}

/** Refuses a name that FAT cannot hold or that Windows could not open. */
export function checkLongName(name: string): void {
  if (name.length > 255) {
    throw new DiskError('ENAMETOOLONG', 'a name', {
      expected: 'at most 255 UTF-16 units',
      actual: name.length,
      path: name,
    })
  }
  if (name === '' || name === '.' || name === '..' || hasForbidden(name) || /[. ]$/.test(name)) {
    throw new DiskError('EINVAL', 'a name that FAT cannot hold:', {
      path: name,
      cure: 'Leave out control characters, any of "*/:<>?\\|, and a dot or blank at the end',
    })
  }
}

/** The upper half of code page 437, in which 8.3 names without a long name are taken to be. */
const CP437 =
  '\u00c7\u00fc\u00e9\u00e2\u00e4\u00e0\u00e5\u00e7\u00ea\u00eb\u00e8\u00ef\u00ee\u00ec\u00c4\u00c5' +
  '\u00c9\u00e6\u00c6\u00f4\u00f6\u00f2\u00fb\u00f9\u00ff\u00d6\u00dc\u00a2\u00a3\u00a5\u20a7\u0192' +
  '\u00e1\u00ed\u00f3\u00fa\u00f1\u00d1\u00aa\u00ba\u00bf\u2310\u00ac\u00bd\u00bc\u00a1\u00ab\u00bb' +
  '\u2591\u2592\u2593\u2502\u2524\u2561\u2562\u2556\u2555\u2563\u2551\u2557\u255d\u255c\u255b\u2510' +
  '\u2514\u2534\u252c\u251c\u2500\u253c\u255e\u255f\u255a\u2554\u2569\u2566\u2560\u2550\u256c\u2567' +
  '\u2568\u2564\u2565\u2559\u2558\u2552\u2553\u256b\u256a\u2518\u250c\u2588\u2584\u258c\u2590\u2580' +
  '\u03b1\u00df\u0393\u03c0\u03a3\u03c3\u00b5\u03c4\u03a6\u0398\u03a9\u03b4\u221e\u03c6\u03b5\u2229' +
  '\u2261\u00b1\u2265\u2264\u2320\u2321\u00f7\u2248\u00b0\u2219\u00b7\u221a\u207f\u00b2\u25a0\u00a0'

function oem(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte < 128 ? String.fromCharCode(byte) : (CP437[byte - 128] ?? '?')
  return text.trimEnd()
}

/**
 * The name in the eleven bytes of an entry. `caseFlags` is byte 12: Windows NT marks a base (8) or extension (16) that
 * is meant in lower case.
 */
export function shortNameText(bytes: Uint8Array, caseFlags: number): string {
  const raw = bytes.slice(0, 11)
  // 0x05 stands for a name that begins with 0xE5, which would mark the entry as deleted.
  if (raw[0] === 0x05) raw[0] = 0xe5
  let base = oem(raw.subarray(0, 8))
  let extension = oem(raw.subarray(8, 11))
  if ((caseFlags & 0x08) !== 0) base = base.toLowerCase()
  if ((caseFlags & 0x10) !== 0) extension = extension.toLowerCase()
  return extension === '' ? base : `${base}.${extension}`
}

/** The checksum over the eleven bytes by which long-name entries know their short one. */
export function shortNameSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + (bytes[i] ?? 0)) & 255
  return sum
}

/** The eleven bytes of a base and an extension of ASCII. */
function packed(base: string, extension: string): Uint8Array {
  return new Uint8Array(Buffer.from(base.padEnd(8) + extension.padEnd(3), 'latin1'))
}

/** The eleven bytes of a name that needs no long one: upper case, 8.3, plain characters. Null for any other. */
export function exactShortName(name: string): Uint8Array | null {
  const [base = '', extension = '', more] = name.split('.')
  if (more !== undefined || base.length > 8 || extension.length > 3 || !SHORT.test(base)) return null
  if (extension === '' ? name.includes('.') : !SHORT.test(extension)) return null
  return packed(base, extension)
}

function clean(part: string): string {
  return upcase(part)
    .replaceAll(/[ .]/g, '')
    .replaceAll(/[^A-Z0-9!#$%&'()\-@^_`{}~]/gu, '_')
}

/**
 * An 8.3 name beside a long one, free of `taken`: BASE~1 to BASE~4, then two letters, four digits of a sum of the name,
 * and ~1 to ~9, as Windows makes them; after that plain numbers.
 */
export function makeShortName(name: string, taken: (bytes: Uint8Array) => boolean): Uint8Array {
  const dot = name.lastIndexOf('.')
  const base = clean(dot > 0 ? name.slice(0, dot) : name) || '_'
  const extension = dot > 0 ? clean(name.slice(dot + 1)).slice(0, 3) : ''
  let sum = 0
  for (let i = 0; i < name.length; i++) sum = (sum * 37 + name.charCodeAt(i)) & 0xffff
  const hashed = base.slice(0, 2) + sum.toString(16).toUpperCase().padStart(4, '0')
  for (let n = 1; n < 1_000_000; n++) {
    const number = n <= 4 ? n : n <= 13 ? n - 4 : n
    const tail = `~${number}`
    const stem = n <= 4 || n > 13 ? base : hashed
    const bytes = packed(stem.slice(0, 8 - tail.length) + tail, extension)
    if (!taken(bytes)) return bytes
  }
  throw new DiskError('ENOSPC', 'no 8.3 name is left in the directory for', { path: name })
}
