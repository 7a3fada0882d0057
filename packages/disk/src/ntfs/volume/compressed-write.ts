import type { Attribute } from '../layout/attribute.js'
import { lznt1Compress } from '../layout/lznt1.js'
import { HOLE, type Runlist } from '../layout/runlist.js'
import { extendHole, takeClusters } from './allocation.js'
import type { Core } from './core.js'
import { readUnit, unitSize } from './stream.js'

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

/**
 * Stores one unit: as a hole when it is all zeros, compressed when that saves at least a cluster, else plain. The old
 * clusters are given back, never overwritten, so that a torn write costs nothing that was there.
 */
function storeUnit(core: Core, attribute: Attribute, unit: number, plain: Uint8Array): void {
  const { clusterSize } = core.storage.geometry
  const runs = attribute.runs as Runlist
  const perUnit = plain.length / clusterSize
  const vcn = unit * perUnit
  const packed = isZero(plain) ? new Uint8Array(0) : lznt1Compress(plain, plain.length - clusterSize)
  let bytes = packed ?? plain
  const clusters = core.storage.clusters(bytes.length)
  if (bytes.length % clusterSize !== 0) {
    const padded = new Uint8Array(clusters * clusterSize)
    padded.set(bytes)
    bytes = padded
  }
  const before = vcn > 0 ? runs.from(vcn - 1) : null
  const near = before !== null && before.lcn !== HOLE ? before.lcn + 1 : null
  const taken = clusters > 0 ? takeClusters(core, clusters, near) : []
  core.clusters.release(runs.replace(vcn, HOLE, perUnit))
  let at = 0
  for (const run of taken) {
    runs.replace(vcn + at, run.lcn, run.length)
    core.storage.source.writeSync(
      core.storage.position(run.lcn),
      bytes,
      at * clusterSize,
      run.length * clusterSize,
    )
    at += run.length
  }
}

/** Writes bytes of a compressed attribute by whole units; the caller keeps sizes and marks the inode. */
export function writeCompressed(
  core: Core,
  attribute: Attribute,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  const size = unitSize(core.storage, attribute)
  const perUnit = size / core.storage.geometry.clusterSize
  const units = Math.ceil((position + length) / size)
  const runs = attribute.runs as Runlist
  if (units * perUnit > runs.clusters) extendHole(core, attribute, units * perUnit)
  for (let done = 0; done < length; ) {
    const at = position + done
    const inside = at % size
    const unit = Math.floor(at / size)
    const part = Math.min(size - inside, length - done)
    const plain = part === size ? new Uint8Array(size) : readUnit(core.storage, attribute, unit)
    plain.set(buffer.subarray(offset + done, offset + done + part), inside)
    storeUnit(core, attribute, unit, plain)
    done += part
  }
}

/** Zeroes the last unit from `size` on, so that a later extension reads zeros there. */
export function zeroTail(core: Core, attribute: Attribute, size: number): void {
  const whole = unitSize(core.storage, attribute)
  const inside = size % whole
  if (inside === 0) return
  const unit = Math.floor(size / whole)
  const plain = readUnit(core.storage, attribute, unit)
  plain.fill(0, inside)
  storeUnit(core, attribute, unit, plain)
}
