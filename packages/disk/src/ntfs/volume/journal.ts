import { createHash } from 'node:crypto'
import { AttributeType } from '../layout/attribute.js'
import { sameBytes, setU32, setU64, u32, u64 } from '../layout/bytes.js'
import { readRecord } from '../layout/file-record.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE, type Run, type Runlist } from '../layout/runlist.js'
import type { Change } from './cache.js'
import type { Storage } from './storage.js'

/**
 * A flush changes many places that belong together, and a power cut may come between them. So all changes are first
 * written to clusters that are free, and a head that names those clusters to a block inside of $LogFile; a barrier;
 * then to their places; a barrier; then the head is wiped. Opening a volume with a head writes the changes again.
 *
 * The block stands at five eighths of the log. Windows and NTFS-3G take a log for empty when it begins with 0xff (the
 * restart pages, and for NTFS-3G the powers of two behind them), so a head that a crash has left is invisible to them.
 *
 * Head: magic, u32 runs, u32 length of the table, u64 bytes of table and data, SHA-256 of those bytes, then per run
 * u64 cluster and u64 clusters. The clusters hold the table (u64 position, u64 length each), then the data.
 */
const MAGIC = Buffer.from('FUSEWIRE JOURNAL', 'latin1')
const HEAD = 4096
const RUNS_AT = 0x40
const RUNS_MAX = (HEAD - RUNS_AT) / 16

/** Changes of one flush that are journaled; the metadata of a larger flush is written without. */
const BYTES_MAX = 512 * 1024 * 1024

/** Byte position of the head, or null when the log is too short or too scattered for one. */
function headPosition(storage: Storage, runs: Runlist): number | null {
  const { clusterSize } = storage.geometry
  const offset = Math.floor((runs.clusters * clusterSize * 5) / 8 / HEAD) * HEAD
  const run = runs.from(Math.floor(offset / clusterSize))
  const inside = offset % clusterSize
  if (run === null || run.lcn === HOLE || run.length * clusterSize - inside < HEAD) return null
  return storage.position(run.lcn) + inside
}

/**
 * Where the head stands, found without the $MFT's own record, which a crash may have torn: the first records follow
 * each other from the cluster that the boot sector names.
 */
export function findHead(storage: Storage): number | null {
  const { mftLcn, recordSize } = storage.geometry
  const position = storage.position(mftLcn) + SystemRecord.LOG_FILE * recordSize
  try {
    const record = readRecord(storage.cache.read(position, recordSize), storage.limits, position)
    for (const { attribute, lowestVcn } of record.extents) {
      if (attribute.type === AttributeType.DATA && attribute.runs !== null && lowestVcn === 0) {
        return headPosition(storage, attribute.runs)
      }
    }
  } catch {
    // A damaged log has no journal; opening the volume reports the damage itself.
  }
  return null
}

function sum(body: Uint8Array): Uint8Array {
  return createHash('sha256').update(body).digest()
}

/** Writes a body to clusters; `write` gets whole clusters. */
function eachCluster(
  storage: Storage,
  runs: readonly Run[],
  bytes: number,
  use: (position: number, offset: number, length: number) => void,
): void {
  const { clusterSize } = storage.geometry
  let done = 0
  for (const { lcn, length } of runs) {
    const part = Math.min(length * clusterSize, bytes - done)
    use(storage.position(lcn), done, part)
    done += part
  }
}

function encodeBody(changes: readonly Change[]): { body: Uint8Array; table: number } {
  const table = changes.length * 16
  const body = new Uint8Array(changes.reduce((bytes, change) => bytes + change.bytes.length, table))
  let o = table
  changes.forEach(({ position, bytes }, index) => {
    setU64(body, index * 16, position)
    setU64(body, index * 16 + 8, bytes.length)
    body.set(bytes, o)
    o += bytes.length
  })
  return { body, table }
}

/**
 * Writes changes so that all of them or none survive a power cut.
 *
 * @param freeRuns finds clusters that stay free until the end of the flush, or null.
 */
export function writeJournaled(
  storage: Storage,
  head: number | null,
  changes: readonly Change[],
  freeRuns: (clusters: number) => readonly Run[] | null,
): void {
  const { source } = storage
  const bytes = changes.reduce((total, change) => total + change.bytes.length + 16, 0)
  const runs = head === null || bytes > BYTES_MAX || bytes === 0 ? null : freeRuns(storage.clusters(bytes))
  const journaled = head !== null && runs !== null && runs.length <= RUNS_MAX
  if (journaled) {
    const { body, table } = encodeBody(changes)
    eachCluster(storage, runs, body.length, (position, offset, length) =>
      source.writeSync(position, body, offset, length),
    )
    const block = new Uint8Array(HEAD)
    block.set(MAGIC)
    setU32(block, 0x10, runs.length)
    setU32(block, 0x14, table)
    setU64(block, 0x18, body.length)
    block.set(sum(body), 0x20)
    runs.forEach(({ lcn, length }, index) => {
      setU64(block, RUNS_AT + 16 * index, lcn)
      setU64(block, RUNS_AT + 16 * index + 8, length)
    })
    source.flushSync()
    source.writeSync(head, block)
    source.flushSync()
  }
  for (const { position, bytes: changed } of changes) source.writeSync(position, changed)
  source.flushSync()
  if (journaled) source.writeSync(head, new Uint8Array(HEAD).fill(0xff))
}

/** The changes that a head on the volume names, or null: none, or one that was not finished. */
export function readJournal(storage: Storage, head: number): Change[] | null {
  const block = new Uint8Array(HEAD)
  storage.source.readSync(head, block)
  const count = u32(block, 0x10)
  const table = u32(block, 0x14)
  const length = u64(block, 0x18)
  if (!MAGIC.equals(block.subarray(0, MAGIC.length)) || count > RUNS_MAX) return null
  const { totalClusters, clusterSize } = storage.geometry
  const runs: Run[] = []
  let clusters = 0
  for (let i = 0; i < count; i++) {
    const lcn = u64(block, RUNS_AT + 16 * i)
    const size = u64(block, RUNS_AT + 16 * i + 8)
    if (!(lcn + size <= totalClusters)) return null
    runs.push({ vcn: 0, lcn, length: size })
    clusters += size
  }
  if (length > BYTES_MAX + clusterSize || length > clusters * clusterSize || table > length) return null
  const body = new Uint8Array(length)
  eachCluster(storage, runs, length, (position, offset, part) =>
    storage.source.readSync(position, body, offset, part),
  )
  if (!sameBytes(sum(body), block.slice(0x20, 0x40))) return null
  return decodeBody(body, table)
}

function decodeBody(body: Uint8Array, table: number): Change[] {
  const changes: Change[] = []
  let o = table
  for (let entry = 0; entry + 16 <= table; entry += 16) {
    const length = u64(body, entry + 8)
    changes.push({ position: u64(body, entry), bytes: body.subarray(o, o + length) })
    o += length
  }
  return changes
}

/**
 * Finishes a flush that was cut off. On a read-only source the changes are kept in the cache, so that the volume reads
 * as if they had been written.
 *
 * @returns whether there was one.
 */
export function replayJournal(storage: Storage, readOnly: boolean): boolean {
  const head = findHead(storage)
  const changes = head === null ? null : readJournal(storage, head)
  if (head === null || changes === null) return false
  for (const { position, bytes } of changes) storage.cache.write(position, bytes)
  if (!readOnly) {
    storage.cache.flush((list) => {
      for (const { position, bytes } of list) storage.source.writeSync(position, bytes)
    })
    storage.source.flushSync()
    storage.source.writeSync(head, new Uint8Array(HEAD).fill(0xff))
  }
  return true
}
