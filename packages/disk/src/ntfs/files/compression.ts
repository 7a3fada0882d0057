import { DiskError } from '../../error.js'
import { type Attribute, AttributeFlag, AttributeType, COMPRESSION_UNIT } from '../layout/attribute.js'
import { Runlist } from '../layout/runlist.js'
import { FileAttribute } from '../layout/standard-information.js'
import { releaseRuns } from '../volume/allocation.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { readStream } from '../volume/stream.js'
import { writeStream } from '../volume/stream-write.js'
import { markChanged } from './create.js'

/** Compression units have 16 clusters and at most 64 KiB. */
const CLUSTER_MAX = 4096

/** Bytes that are recoded at once: whole units. */
const PIECE = 1 << 20

/** Writes a stream again in its new form. The old clusters are given back at the end: both exist meanwhile. */
function recode(core: Core, inode: Inode, attribute: Attribute, compressed: boolean): void {
  const old = attribute.copy()
  attribute.runs = new Runlist()
  attribute.allocatedSize = 0
  attribute.dataSize = 0
  attribute.initializedSize = 0
  attribute.flags = compressed ? AttributeFlag.COMPRESSED : 0
  attribute.compressionUnit = compressed ? COMPRESSION_UNIT : 0
  const buffer = new Uint8Array(Math.min(PIECE, old.dataSize))
  for (let position = 0; position < old.dataSize; position += PIECE) {
    const length = readStream(core.storage, old, position, buffer, 0, buffer.length)
    writeStream(core, inode, attribute, position, buffer, 0, length)
  }
  releaseRuns(core, old)
}

/** Sets or clears the compression of a file's contents, or the wish of a directory for what is created in it. */
export function setCompressed(core: Core, inode: Inode, compressed: boolean): void {
  if (compressed && core.storage.geometry.clusterSize > CLUSTER_MAX) {
    throw new DiskError('ENOTSUP', 'compression with such clusters', {
      expected: `at most ${CLUSTER_MAX} bytes`,
      actual: core.storage.geometry.clusterSize,
    })
  }
  core.change()
  const info = inode.standardInformation
  const data = inode.find(AttributeType.DATA)
  if (data !== undefined && !inode.isDirectory && data.compressed !== compressed) {
    if (data.encrypted) throw new DiskError('ENOTSUP', `${inode.someName} is encrypted`)
    if (data.runs !== null) recode(core, inode, data, compressed)
    else data.flags = compressed ? AttributeFlag.COMPRESSED : 0
    info.attributes &= ~FileAttribute.SPARSE_FILE
  }
  if (compressed) info.attributes |= FileAttribute.COMPRESSED
  else info.attributes &= ~FileAttribute.COMPRESSED
  markChanged(core, inode)
}
