import type { FileStatus } from '../ntfs/files/metadata.js'
import { BigIntStats, Dirent, Stats } from '../ntfs/fs/stats.js'
import { fileTimeOfMs, msOfFileTime } from '../ntfs/layout/filetime.js'
import type { NodeInfo } from './tree.js'

/** A file's description in the shape of NTFS, so that both kinds of volume answer with the same classes. */
function statusOf(info: NodeInfo): FileStatus {
  const modified = fileTimeOfMs(info.modified)
  return {
    number: info.ino,
    sequence: 0,
    directory: info.directory,
    type: typeOf(info.directory),
    links: 1,
    attributes: info.attributes,
    securityId: 0,
    dataSize: info.size,
    allocatedSize: info.allocated,
    times: {
      created: fileTimeOfMs(info.created),
      modified,
      changed: modified,
      accessed: fileTimeOfMs(info.accessed),
    },
  }
}

const typeOf = (directory: boolean) => (directory ? 'directory' : 'file')

/** @param clusterSize bytes, the block size that programs are told to prefer. */
export function statsOf(info: NodeInfo, clusterSize: number, bigint: boolean): Stats | BigIntStats {
  const status = statusOf(info)
  if (bigint) return new BigIntStats(status, info.size, clusterSize)
  return new Stats(status, info.size, clusterSize, Number, msOfFileTime)
}

export function direntOf(name: string, parentPath: string, directory: boolean): Dirent {
  return new Dirent(name, parentPath, typeOf(directory))
}
