import { le16, le32, putLe16, putLe32 } from '../bytes.js'
import { exactShortName, makeShortName, shortNameSum, shortNameText } from './names.js'
import { fromDos, toDos } from './time.js'

export const ENTRY = 32
export const ATTR = {
  readOnly: 1,
  hidden: 2,
  system: 4,
  label: 8,
  directory: 16,
  archive: 32,
  longName: 15,
} as const

/** What the 32 bytes of a short entry tell. */
export interface FatEntry {
  attributes: number
  firstCluster: number
  size: number
  /** Milliseconds since 1970, 0 for a field that is not set. */
  created: number
  accessed: number
  modified: number
}

/** An entry with its name and the slots that it takes: long-name entries first, the short one last. */
export interface DirRecord {
  name: string
  /** The eleven bytes, as a latin1 text, by which short names are compared. */
  short: string
  firstSlot: number
  slot: number
}

export function readEntry(bytes: Uint8Array, slot: number, wide: boolean): FatEntry {
  const at = slot * ENTRY
  return {
    attributes: bytes[at + 11] ?? 0,
    firstCluster: (((wide ? le16(bytes, at + 20) : 0) << 16) | le16(bytes, at + 26)) >>> 0,
    size: le32(bytes, at + 28),
    created: fromDos(le16(bytes, at + 16), le16(bytes, at + 14), bytes[at + 13]),
    accessed: fromDos(le16(bytes, at + 18), 0),
    modified: fromDos(le16(bytes, at + 24), le16(bytes, at + 22)),
  }
}

/** Writes all but the name. */
export function writeEntry(bytes: Uint8Array, slot: number, entry: FatEntry): void {
  const at = slot * ENTRY
  const [created, accessed, modified] = [toDos(entry.created), toDos(entry.accessed), toDos(entry.modified)]
  bytes[at + 11] = entry.attributes
  bytes[at + 13] = created.hundredths
  putLe16(bytes, at + 14, created.time)
  putLe16(bytes, at + 16, created.date)
  putLe16(bytes, at + 18, accessed.date)
  putLe16(bytes, at + 20, entry.firstCluster >>> 16)
  putLe16(bytes, at + 22, modified.time)
  putLe16(bytes, at + 24, modified.date)
  putLe16(bytes, at + 26, entry.firstCluster & 0xffff)
  putLe32(bytes, at + 28, entry.size)
}

/** Byte positions of the 13 UTF-16 units in a long-name entry. */
const UNITS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
const UNIT_COUNT = UNITS.length

/** Gathers the units of long-name entries, which come last part first. */
class LongName {
  #parts: string[] = []
  #sum = -1
  #next = 0
  firstSlot = 0

  reset(): void {
    this.#parts = []
    this.#next = 0
  }

  add(bytes: Uint8Array, slot: number): void {
    const at = slot * ENTRY
    const order = bytes[at] ?? 0
    if ((order & 0x40) !== 0) {
      this.#parts = []
      this.#next = order & 0x3f
      this.#sum = bytes[at + 13] ?? 0
      this.firstSlot = slot
    }
    // 20 entries hold the 255 units that a name may have.
    if ((order & 0x3f) !== this.#next || this.#next < 1 || this.#next > 20 || bytes[at + 13] !== this.#sum) {
      this.reset()
      return
    }
    let part = ''
    for (const unit of UNITS) {
      const code = le16(bytes, at + unit)
      if (code === 0) break
      part += String.fromCharCode(code)
    }
    this.#parts.unshift(part)
    this.#next--
  }

  /** The name, if its parts are complete and belong to this short name. */
  take(short: Uint8Array): string | null {
    const whole = this.#next === 0 && this.#parts.length > 0 && shortNameSum(short) === this.#sum
    const name = whole ? this.#parts.join('') : null
    this.reset()
    // A name with a slash, or none, cannot be asked for: then the short one is shown.
    return name === null || name === '' || name === '.' || name === '..' || name.includes('/') ? null : name
  }
}

/** All entries of a directory's bytes but '.', '..' and the label, whose slot comes apart. */
export function parseDirectory(bytes: Uint8Array): {
  records: DirRecord[]
  label: number | null
  used: number
} {
  const records: DirRecord[] = []
  const long = new LongName()
  let label: number | null = null
  const slots = Math.floor(bytes.length / ENTRY)
  let slot = 0
  for (; slot < slots; slot++) {
    const at = slot * ENTRY
    const lead = bytes[at]
    if (lead === 0) break
    const attributes = bytes[at + 11] ?? 0
    if (lead === 0xe5) long.reset()
    else if ((attributes & 0x3f) === ATTR.longName) long.add(bytes, slot)
    else if ((attributes & ATTR.label) !== 0) {
      label ??= slot
      long.reset()
    } else {
      const short = bytes.subarray(at, at + 11)
      const named = long.take(short)
      if (lead === 0x2e) continue
      const name =
        named ??
        (shortNameText(short, bytes[at + 12] ?? 0)
          .replaceAll('/', '_')
          .replaceAll('\0', '_') ||
          '_')
      const text = Buffer.from(short).toString('latin1')
      records.push({ name, short: text, firstSlot: named === null ? slot : long.firstSlot, slot })
    }
  }
  return { records, label, used: slot }
}

/** The entries of a new name: long-name ones where it needs them, and the short one with only its name set. */
export function encodeName(name: string, shortTaken: (text: string) => boolean): Uint8Array {
  const taken = (bytes: Uint8Array) => shortTaken(Buffer.from(bytes).toString('latin1'))
  const exact = exactShortName(name)
  const usable = exact !== null && !taken(exact)
  const short = usable ? exact : makeShortName(name, taken)
  const count = usable ? 0 : Math.ceil(name.length / UNIT_COUNT)
  const bytes = new Uint8Array((count + 1) * ENTRY)
  const sum = shortNameSum(short)
  for (let part = 0; part < count; part++) {
    const at = (count - 1 - part) * ENTRY
    bytes[at] = part + 1 === count ? 0x40 | count : part + 1
    bytes[at + 11] = ATTR.longName
    bytes[at + 13] = sum
    for (const [i, unit] of UNITS.entries()) {
      const index = part * UNIT_COUNT + i
      // One NUL ends the name, the rest is filled with ones.
      putLe16(
        bytes,
        at + unit,
        index < name.length ? name.charCodeAt(index) : index === name.length ? 0 : 0xffff,
      )
    }
  }
  bytes.set(short, count * ENTRY)
  return bytes
}
