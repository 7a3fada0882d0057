import type { NodeInfo } from './tree.js'

/** Mode bits of stat(2). */
const S_IFDIR = 0o040000
const S_IFREG = 0o100000

/** A file's description, shaped as `fs.Stats`. FAT and exFAT know no owner: uid and gid are 0, modes 0777 or 0555. */
export class VolumeStats {
  readonly dev = 0
  readonly ino: number
  readonly mode: number
  readonly nlink = 1
  readonly uid = 0
  readonly gid = 0
  readonly rdev = 0
  readonly size: number
  readonly blksize = 4096
  /** Units of 512 bytes. */
  readonly blocks: number
  readonly atimeMs: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly birthtimeMs: number

  constructor(info: NodeInfo) {
    this.ino = info.ino
    this.mode = (info.directory ? S_IFDIR : S_IFREG) | (info.readOnly ? 0o555 : 0o777)
    this.size = info.size
    this.blocks = Math.ceil(info.allocated / 512)
    this.atimeMs = info.accessed
    this.mtimeMs = info.modified
    this.ctimeMs = info.modified
    this.birthtimeMs = info.created
  }

  get atime(): Date {
    return new Date(this.atimeMs)
  }

  get mtime(): Date {
    return new Date(this.mtimeMs)
  }

  get ctime(): Date {
    return new Date(this.ctimeMs)
  }

  get birthtime(): Date {
    return new Date(this.birthtimeMs)
  }

  isFile(): boolean {
    return (this.mode & S_IFREG) === S_IFREG
  }

  isDirectory(): boolean {
    return !this.isFile()
  }

  isSymbolicLink(): boolean {
    return false
  }

  isBlockDevice(): boolean {
    return false
  }

  isCharacterDevice(): boolean {
    return false
  }

  isFIFO(): boolean {
    return false
  }

  isSocket(): boolean {
    return false
  }
}

/** A directory entry, shaped as `fs.Dirent`. */
export class VolumeDirent {
  readonly name: string
  readonly parentPath: string
  readonly #directory: boolean

  constructor(name: string, parentPath: string, directory: boolean) {
    this.name = name
    this.parentPath = parentPath
    this.#directory = directory
  }

  /** As in Node 20, the same as `parentPath`. */
  get path(): string {
    return this.parentPath
  }

  isFile(): boolean {
    return !this.#directory
  }

  isDirectory(): boolean {
    return this.#directory
  }

  isSymbolicLink(): boolean {
    return false
  }

  isBlockDevice(): boolean {
    return false
  }

  isCharacterDevice(): boolean {
    return false
  }

  isFIFO(): boolean {
    return false
  }

  isSocket(): boolean {
    return false
  }
}
