import { corrupt } from '../../error.js'
import { HOLE, type Runlist } from './runlist.js'

/** Most bytes of one pair: the header, 8 bytes of length and 8 of LCN difference. */
const PAIR_MAX = 17

/** A signed little-endian number of 1 to 8 bytes; rounded beyond 2^53, which the range checks refuse. */
function signed(b: Uint8Array, o: number, width: number): number {
  let value = 0
  for (let i = width - 1; i >= 0; i--) value = value * 256 + (b[o + i] as number)
  return (b[o + width - 1] as number) & 0x80 ? value - 2 ** (8 * width) : value
}

/** Least bytes that hold a signed number. */
function width(value: number): number {
  let bytes = 1
  for (let limit = 128; value < -limit || value >= limit; limit *= 256) bytes++
  return bytes
}

function putSigned(b: Uint8Array, o: number, value: number, bytes: number): void {
  let rest = value
  for (let i = 0; i < bytes; i++) {
    b[o + i] = ((rest % 256) + 256) % 256
    rest = Math.floor(rest / 256)
  }
}

/** What the mapping pairs of an attribute must obey. */
export interface MappingLimits {
  /** Clusters of the volume: no run may reach behind. */
  readonly totalClusters: number
  /** Clusters that the stream may have: keeps byte sizes below 2^53. */
  readonly clustersMax: number
}

/**
 * Reads mapping pairs from `b[offset, end)` and appends their runs.
 *
 * @param position byte position of `b[0]` on the volume, for errors.
 */
export function readMappingPairs(
  b: Uint8Array,
  offset: number,
  end: number,
  runs: Runlist,
  limits: MappingLimits,
  position: number,
): void {
  let lcn = 0
  for (let o = offset; ; ) {
    if (o >= end)
      throw corrupt('end of the mapping pairs', position + o, 'a zero byte', 'the end of the attribute')
    const header = b[o] as number
    if (header === 0) return
    const lengthWidth = header & 15
    const lcnWidth = header >> 4
    if (lengthWidth < 1 || lengthWidth > 8 || lcnWidth > 8 || o + 1 + lengthWidth + lcnWidth > end) {
      throw corrupt(
        'mapping pair header',
        position + o,
        'widths of 1..8 and 0..8 inside of the attribute',
        header,
      )
    }
    const length = signed(b, o + 1, lengthWidth)
    if (length < 1 || runs.clusters + length > limits.clustersMax) {
      throw corrupt('length of a run', position + o + 1, `1..${limits.clustersMax - runs.clusters}`, length)
    }
    if (lcnWidth === 0) runs.append(HOLE, length)
    else {
      lcn += signed(b, o + 1 + lengthWidth, lcnWidth)
      // Windows NT 4 and older write a hole as LCN -1.
      if (lcn !== HOLE && (lcn < 0 || lcn + length > limits.totalClusters)) {
        throw corrupt(
          'cluster of a run',
          position + o + 1 + lengthWidth,
          `a run within 0..${limits.totalClusters}`,
          lcn,
        )
      }
      runs.append(lcn, length)
    }
    o += 1 + lengthWidth + lcnWidth
  }
}

/** Mapping pairs of a part of a runlist. */
export interface MappingPairs {
  /** With the ending zero byte. */
  readonly bytes: Uint8Array
  /** The first VCN that did not fit; the stream's length when all did. */
  readonly nextVcn: number
}

/** Bytes of one pair in front of whose LCN `previous` was the last one. */
function pairSize(lcn: number, length: number, previous: number): number {
  return 1 + width(length) + (lcn === HOLE ? 0 : width(lcn - previous))
}

/** Bytes of all pairs with the ending zero, or a number above `most` when they are more. */
export function mappingPairsSize(runs: Runlist, most: number): number {
  let size = 1
  let previous = 0
  for (let i = 0; i < runs.count && size <= most; i++) {
    const { lcn, length } = runs.at(i)
    size += pairSize(lcn, length, previous)
    if (lcn !== HOLE) previous = lcn
  }
  return size
}

/** Encodes the runs from `vcn` on, as many as fit into `room` bytes with the ending zero. */
export function encodeMappingPairs(runs: Runlist, vcn: number, room: number): MappingPairs {
  const out = new Uint8Array(Math.max(1, Math.min(room, runs.count * PAIR_MAX + 1)))
  let size = 0
  let previous = 0
  let next = vcn
  for (let i = vcn < runs.clusters ? runs.find(vcn) : runs.count; i < runs.count; i++) {
    const run = runs.at(i)
    const skip = Math.max(0, vcn - run.vcn)
    const lcn = run.lcn === HOLE ? HOLE : run.lcn + skip
    const length = run.length - skip
    if (size + pairSize(lcn, length, previous) + 1 > room) break
    const lengthWidth = width(length)
    const lcnWidth = lcn === HOLE ? 0 : width(lcn - previous)
    out[size] = (lcnWidth << 4) | lengthWidth
    putSigned(out, size + 1, length, lengthWidth)
    if (lcn !== HOLE) {
      putSigned(out, size + 1 + lengthWidth, lcn - previous, lcnWidth)
      previous = lcn
    }
    size += 1 + lengthWidth + lcnWidth
    next = run.vcn + run.length
  }
  return { bytes: out.slice(0, size + 1), nextVcn: next }
}
