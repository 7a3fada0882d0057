import { constants } from 'node:fs'
import type { FileType } from '../files/file-type.js'
import type { FileStatus } from '../files/metadata.js'
import { type FileTime, msOfFileTime, nsOfFileTime } from '../layout/filetime.js'
import { FileAttribute } from '../layout/standard-information.js'

const MODE_OF_TYPE: Readonly<Record<FileType, number>> = {
  file: constants.S_IFREG,
  directory: constants.S_IFDIR,
  symlink: constants.S_IFLNK,
  fifo: constants.S_IFIFO,
  socket: constants.S_IFSOCK,
  'character device': constants.S_IFCHR,
  'block device': constants.S_IFBLK,
}

/** Bytes of the unit in which `blocks` counts, whatever the clusters are. */
const STAT_BLOCK = 512

/** Type and permissions: everybody reads, the owner writes unless the file has READONLY; directories can be searched. */
export function modeOf(status: FileStatus): number {
  const type = MODE_OF_TYPE[status.type]
  if (status.type === 'symlink') return type | 0o777
  // Windows takes READONLY of a directory for something else: a directory stays writable.
  if (status.directory) return type | 0o755
  return type | ((status.attributes & FileAttribute.READONLY) !== 0 ? 0o444 : 0o644)
}

class TypeQuestions {
  readonly #type: FileType

  constructor(type: FileType) {
    this.#type = type
  }

  isFile(): boolean {
    return this.#type === 'file'
  }

  isDirectory(): boolean {
    return this.#type === 'directory'
  }

  isSymbolicLink(): boolean {
    return this.#type === 'symlink'
  }

  isFIFO(): boolean {
    return this.#type === 'fifo'
  }

  isSocket(): boolean {
    return this.#type === 'socket'
  }

  isCharacterDevice(): boolean {
    return this.#type === 'character device'
  }

  isBlockDevice(): boolean {
    return this.#type === 'block device'
  }
}

function dateOf(time: FileTime): Date {
  return new Date(msOfFileTime(time))
}

/** The shape of `fs.Stats`; `number` is `bigint` when the caller asked for that. */
export class Stats<N extends number | bigint = number> extends TypeQuestions {
  readonly dev: N
  readonly ino: N
  readonly mode: N
  readonly nlink: N
  readonly uid: N
  readonly gid: N
  readonly rdev: N
  readonly size: N
  readonly blksize: N
  readonly blocks: N
  readonly atimeMs: N
  readonly mtimeMs: N
  readonly ctimeMs: N
  readonly birthtimeMs: N
  readonly atime: Date
  readonly mtime: Date
  readonly ctime: Date
  readonly birthtime: Date

  /**
   * @param convert `Number` or `BigInt`.
   * @param ms milliseconds since 1970 in the same type; bigint ones are whole.
   */
  constructor(
    status: FileStatus,
    size: number,
    clusterSize: number,
    convert: (value: number) => N,
    ms: (time: FileTime) => N,
  ) {
    super(status.type)
    const { created, modified, changed, accessed } = status.times
    this.dev = convert(0)
    this.ino = convert(status.number)
    this.mode = convert(modeOf(status))
    this.nlink = convert(status.links)
    this.uid = convert(0)
    this.gid = convert(0)
    this.rdev = convert(0)
    this.size = convert(size)
    this.blksize = convert(clusterSize)
    this.blocks = convert(Math.ceil(status.allocatedSize / STAT_BLOCK))
    this.atimeMs = ms(accessed)
    this.mtimeMs = ms(modified)
    this.ctimeMs = ms(changed)
    this.birthtimeMs = ms(created)
    this.atime = dateOf(accessed)
    this.mtime = dateOf(modified)
    this.ctime = dateOf(changed)
    this.birthtime = dateOf(created)
  }
}

/** The shape of `fs.BigIntStats`: exact nanoseconds. */
export class BigIntStats extends Stats<bigint> {
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly birthtimeNs: bigint

  constructor(status: FileStatus, size: number, clusterSize: number) {
    super(status, size, clusterSize, BigInt, (time) => nsOfFileTime(time) / 1_000_000n)
    this.atimeNs = nsOfFileTime(status.times.accessed)
    this.mtimeNs = nsOfFileTime(status.times.modified)
    this.ctimeNs = nsOfFileTime(status.times.changed)
    this.birthtimeNs = nsOfFileTime(status.times.created)
  }
}

/** The shape of `fs.Dirent`. */
export class Dirent extends TypeQuestions {
  readonly name: string
  /** The directory as it was asked for. */
  readonly parentPath: string

  constructor(name: string, parentPath: string, type: FileType) {
    super(type)
    this.name = name
    this.parentPath = parentPath
  }
}
