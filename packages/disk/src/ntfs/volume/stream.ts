import { DiskError } from '../../error.js'
import type { Attribute } from '../layout/attribute.js'
import { lznt1Decompress } from '../layout/lznt1.js'
import { HOLE, type Runlist } from '../layout/runlist.js'
import type { Storage } from './storage.js'

/** Which way bytes take: metadata through the cache, file contents beside it. */
export type Way = 'cache' | 'source'

/** Reads whole clusters, holes as zeros. The range must lie inside of the runs. */
export function readClusters(
  storage: Storage,
  runs: Runlist,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  way: Way,
): void {
  const { clusterSize } = storage.geometry
  for (let done = 0; done < length; ) {
    const at = position + done
    const inside = at % clusterSize
    const run = runs.from(Math.floor(at / clusterSize))
    if (run === null)
      throw new DiskError('EUCLEAN', 'a stream ends before its size', { actual: runs.clusters })
    const part = Math.min(run.length * clusterSize - inside, length - done)
    if (run.lcn === HOLE) buffer.fill(0, offset + done, offset + done + part)
    else if (way === 'source') {
      storage.source.readSync(storage.position(run.lcn) + inside, buffer, offset + done, part)
    } else buffer.set(storage.cache.read(storage.position(run.lcn) + inside, part), offset + done)
    done += part
  }
}

/** Bytes of a compression unit. */
export function unitSize(storage: Storage, attribute: Attribute): number {
  return storage.geometry.clusterSize * 2 ** attribute.compressionUnit
}

/** The plain bytes of one compression unit. */
export function readUnit(storage: Storage, attribute: Attribute, unit: number): Uint8Array {
  const { clusterSize } = storage.geometry
  const runs = attribute.runs as Runlist
  const size = unitSize(storage, attribute)
  const perUnit = size / clusterSize
  const first = unit * perUnit
  const end = Math.min(first + perUnit, runs.clusters)
  let stored = 0
  for (let vcn = first; vcn < end; ) {
    const run = runs.from(vcn)
    if (run === null || run.lcn === HOLE) break
    const part = Math.min(run.length, end - vcn)
    stored += part
    vcn += part
  }
  const plain = new Uint8Array(size)
  if (stored === 0) return plain
  if (stored === perUnit) {
    readClusters(storage, runs, first * clusterSize, plain, 0, size, 'source')
    return plain
  }
  const packed = new Uint8Array(stored * clusterSize)
  readClusters(storage, runs, first * clusterSize, packed, 0, packed.length, 'source')
  lznt1Decompress(packed, plain, first * clusterSize)
  return plain
}

function readCompressed(
  storage: Storage,
  attribute: Attribute,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  const size = unitSize(storage, attribute)
  for (let done = 0; done < length; ) {
    const at = position + done
    const inside = at % size
    const part = Math.min(size - inside, length - done)
    const plain = readUnit(storage, attribute, Math.floor(at / size))
    buffer.set(plain.subarray(inside, inside + part), offset + done)
    done += part
  }
}

/**
 * Reads bytes of a stream.
 *
 * @returns bytes read: fewer than asked at the end of the stream.
 * @throws `ENOTSUP` for an encrypted stream, whose keys only Windows has.
 */
export function readStream(
  storage: Storage,
  attribute: Attribute,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  way: Way = 'source',
): number {
  const count = Math.min(length, attribute.dataSize - position)
  if (count <= 0) return 0
  if (attribute.value !== null) {
    buffer.set(attribute.value.subarray(position, position + count), offset)
    return count
  }
  if (attribute.encrypted) {
    throw new DiskError('ENOTSUP', `${attribute.label} is encrypted`, {
      cure: 'Decrypt the file in Windows, or read it raw',
    })
  }
  // Bytes behind the initialised size read as zeros, whatever the clusters hold.
  const known = Math.max(0, Math.min(count, attribute.initializedSize - position))
  if (known > 0) {
    if (attribute.compressed && attribute.compressionUnit > 0) {
      readCompressed(storage, attribute, position, buffer, offset, known)
    } else readClusters(storage, attribute.runs as Runlist, position, buffer, offset, known, way)
  }
  buffer.fill(0, offset + known, offset + count)
  return count
}

/**
 * A whole metadata stream.
 *
 * @param most bytes; a longer stream is `EFBIG`, because nobody needs that much at once.
 */
export function readWhole(storage: Storage, attribute: Attribute, most: number): Uint8Array {
  if (attribute.dataSize > most) {
    throw new DiskError('EFBIG', `${attribute.label} is too large to be held at once`, {
      expected: `at most ${most}`,
      actual: attribute.dataSize,
    })
  }
  const bytes = new Uint8Array(attribute.dataSize)
  readStream(storage, attribute, 0, bytes, 0, bytes.length, 'cache')
  return bytes
}
