import { ascii, guidText, le32, le64 } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { crc32c } from './crc32c.js'
import { MappedSource, type Piece } from './mapped.js'
import { OverlaySource } from './overlay.js'
import { type BlockSource, readBytesSync } from './source.js'
import type { VhdxHeader } from './vhdx-meta.js'

const SECTOR = 4096
/** Hyper-V and QEMU write logs of 1 MiB; a larger one than this is refused, for it is read into memory. */
const LOG_LIMIT = 64 << 20
/** Zeros that a log may ask for: more would cost memory for no honest log. */
const ZERO_LIMIT = 2 ** 30

interface Entry {
  offset: number
  bytes: Uint8Array
  length: number
  tail: number
  sequence: number
}

/** The file as long as the log says it shall be: zeros after its end. */
class Extended extends MappedSource {
  readonly #file: BlockSource

  constructor(file: BlockSource, size: number) {
    super(size, file.blockSize, true)
    this.#file = file
  }

  protected override locate(position: number, length: number): Piece {
    const left = this.#file.size - position
    if (left <= 0) return { length, from: null, at: 0 }
    return { length: Math.min(length, left), from: this.#file, at: position }
  }

  protected override doClose(): void {
    this.#file.closeSync()
  }
}

/** The entries of the log that are whole: signature, identity, lengths and checksum are right. */
function findEntries(log: Uint8Array, guid: string, base: number): Map<number, Entry> {
  const found = new Map<number, Entry>()
  // An honest log is summed once; false lengths may cost some more, but not the square of the log's length.
  let budget = 8 * log.length
  for (let offset = 0; offset < log.length; ) {
    const entry = candidate(log, offset, guid, base)
    budget -= entry?.length ?? 0
    if (budget < 0) throw corrupt('the VHDX log', base + offset, 'entries that do not overlap')
    if (entry !== null && crc32c(entry.bytes, 4) === le32(entry.bytes, 4)) {
      found.set(offset, entry)
      offset += entry.length
    } else offset += SECTOR
  }
  return found
}

/** An entry whose header is plausible, its bytes made contiguous where it wraps around the log's end. */
function candidate(log: Uint8Array, offset: number, guid: string, base: number): Entry | null {
  const head = log.subarray(offset, offset + 64)
  if (ascii(head, 0, 4) !== 'loge' || guidText(head, 32) !== guid) return null
  const length = le32(head, 8)
  const tail = le32(head, 12)
  if (length === 0 || length % SECTOR !== 0 || length > log.length) return null
  if (tail % SECTOR !== 0 || tail >= log.length) return null
  const sequence = le64(head, 16, 'a VHDX log sequence number', base + offset)
  const bytes = new Uint8Array(length)
  const first = Math.min(length, log.length - offset)
  bytes.set(log.subarray(offset, offset + first))
  bytes.set(log.subarray(0, length - first), first)
  return { offset, bytes, length, tail, sequence }
}

/** The newest unbroken row of entries: from the tail that its newest entry names up to that entry. */
function activeSequence(entries: Map<number, Entry>, logLength: number): Entry[] | null {
  for (const head of [...entries.values()].sort((a, b) => b.sequence - a.sequence)) {
    const row: Entry[] = []
    let next = entries.get(head.tail)
    while (next !== undefined && row.length <= entries.size) {
      const previous = row[row.length - 1]
      if (previous !== undefined && next.sequence !== previous.sequence + 1) break
      row.push(next)
      if (next === head) return row
      next = entries.get((next.offset + next.length) % logLength)
    }
  }
  return null
}

/** Applies one entry: descriptors of 32 bytes from byte 64 on, then one sector for each data descriptor. */
function apply(entry: Entry, target: BlockSource, base: number, zeroed: number): number {
  const { bytes } = entry
  const where = base + entry.offset
  const count = le32(bytes, 24)
  const firstData = Math.ceil((64 + count * 32) / SECTOR) * SECTOR
  if (firstData > bytes.length) throw corrupt('a VHDX log entry', where + 24, 'descriptors within it', count)
  let data = firstData
  let zeros = zeroed
  for (let at = 64; at < 64 + count * 32; at += 32) {
    const kind = ascii(bytes, at, 4)
    const position = le64(bytes, at + 16, 'a VHDX log position', where)
    if (le64(bytes, at + 24, 'a VHDX log sequence', where) !== entry.sequence || position % SECTOR !== 0) {
      throw corrupt(
        'a VHDX log descriptor',
        where + at,
        `sequence ${entry.sequence} and a whole sector`,
        position,
      )
    }
    if (kind === 'zero') {
      const length = le64(bytes, at + 8, 'a VHDX log length', where)
      zeros += length
      if (zeros > ZERO_LIMIT || length % SECTOR !== 0)
        throw corrupt('a VHDX log length', where + at, ZERO_LIMIT, zeros)
      const piece = new Uint8Array(Math.min(length, 1 << 20))
      for (let done = 0; done < length; done += piece.length) {
        target.writeSync(position + done, piece, 0, Math.min(piece.length, length - done))
      }
    } else if (kind === 'desc') {
      if (data + SECTOR > bytes.length)
        throw corrupt('a VHDX log entry', where, 'a sector for each descriptor')
      target.writeSync(position, dataSector(bytes, data, at, entry.sequence, where))
      data += SECTOR
    } else throw corrupt('a VHDX log descriptor', where + at, `'desc' or 'zero'`, kind)
  }
  return zeros
}

/** A data sector as it was: its first eight and last four bytes are kept in the descriptor. */
function dataSector(
  bytes: Uint8Array,
  data: number,
  descriptor: number,
  sequence: number,
  where: number,
): Uint8Array {
  const high = Math.floor(sequence / 2 ** 32)
  const low = sequence % 2 ** 32
  const signature = ascii(bytes, data, 4)
  if (signature !== 'data' || le32(bytes, data + 4) !== high || le32(bytes, data + 4092) !== low) {
    throw corrupt('a VHDX log data sector', where + data, `'data' of sequence ${sequence}`, signature)
  }
  const sector = bytes.slice(data, data + SECTOR)
  sector.set(bytes.subarray(descriptor + 8, descriptor + 16), 0)
  sector.set(bytes.subarray(descriptor + 4, descriptor + 8), SECTOR - 4)
  return sector
}

/** The file as it is after its log: replayed into memory, the file itself stays as it is. */
export function replayVhdxLog(file: BlockSource, header: VhdxHeader): BlockSource {
  if (header.logGuid === null || header.logLength === 0) return file
  const { logOffset, logLength, logGuid } = header
  if (logOffset % (1 << 20) !== 0 || logLength % (1 << 20) !== 0 || logOffset + logLength > file.size) {
    throw corrupt(
      'the VHDX log',
      header.position + 68,
      'whole MiB within the file',
      `${logOffset}+${logLength}`,
    )
  }
  if (logLength > LOG_LIMIT) {
    const cure = 'Replay it with qemu-img check -r all'
    throw new DiskError('ENOTSUP', 'a VHDX log', { expected: `up to ${LOG_LIMIT}`, actual: logLength, cure })
  }
  const row = activeSequence(
    findEntries(readBytesSync(file, logOffset, logLength), logGuid, logOffset),
    logLength,
  )
  const head = row?.[row.length - 1]
  if (row === null || head === undefined)
    throw corrupt('the VHDX log', logOffset, 'an unbroken sequence of entries')
  const flushed = le64(head.bytes, 48, 'the VHDX flushed size', logOffset)
  if (flushed > file.size) throw corrupt('the VHDX file is cut', logOffset, `${flushed} bytes`, file.size)
  const size = Math.max(file.size, le64(head.bytes, 56, 'the VHDX file size', logOffset))
  const replayed = new OverlaySource(size === file.size ? file : new Extended(file, size))
  let zeros = 0
  for (const entry of row) {
    try {
      zeros = apply(entry, replayed, logOffset, zeros)
    } catch (error) {
      if (error instanceof DiskError && error.code === 'EINVAL') {
        throw corrupt(
          'a VHDX log entry writes outside of the file',
          logOffset + entry.offset,
          size,
          error.message,
        )
      }
      throw error
    }
  }
  return replayed
}
