import { msOfFileTime } from '../layout/filetime.js'
import { FileAttribute } from '../layout/standard-information.js'
import type { RecordVolume } from '../record-volume.js'
import { BigIntStats, Stats } from './stats.js'

/** What stat shows of a file; the size of a link is that of its target. */
export function statsOf(volume: RecordVolume, number: number, bigint: boolean): Stats | BigIntStats {
  const status = volume.status(number)
  const target = status.type === 'symlink' ? volume.readLink(number) : null
  const size = target === null ? status.dataSize : Buffer.byteLength(target)
  const { clusterSize } = volume.geometry
  if (bigint) return new BigIntStats(status, size, clusterSize)
  return new Stats(status, size, clusterSize, Number, msOfFileTime)
}

/** chmod(2): a file that its owner may not write gets READONLY. The other bits have no place on the volume. */
export function setMode(volume: RecordVolume, number: number, mode: number): void {
  const status = volume.status(number)
  if (status.directory) return
  const writable = (mode & 0o200) !== 0
  const attributes = writable
    ? status.attributes & ~FileAttribute.READONLY
    : status.attributes | FileAttribute.READONLY
  if (attributes !== status.attributes) volume.setAttributes(number, attributes)
}
