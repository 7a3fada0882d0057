import { S_IF } from '../../api/constants.js'
import { type Attr, deviceOf } from './attr.js'

/** File types and the methods that tell them, as on `fs.Stats` and `fs.Dirent`. */
abstract class Typed {
  protected abstract get type(): number

  isFile(): boolean {
    return this.type === S_IF.REG
  }
  isDirectory(): boolean {
    return this.type === S_IF.DIR
  }
  isSymbolicLink(): boolean {
    return this.type === S_IF.LNK
  }
  isFIFO(): boolean {
    return this.type === S_IF.FIFO
  }
  isSocket(): boolean {
    return this.type === S_IF.SOCK
  }
  isCharacterDevice(): boolean {
    return this.type === S_IF.CHR
  }
  isBlockDevice(): boolean {
    return this.type === S_IF.BLK
  }
}

const milliseconds = (ns: bigint): number => Number(ns / 1000n) / 1000

/** As `fs.Stats`. */
export class Stats extends Typed {
  readonly dev = 1
  readonly ino: number
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly rdev: number
  readonly size: number
  readonly blksize: number
  readonly blocks: number
  readonly atimeMs: number
  readonly mtimeMs: number
  readonly ctimeMs: number
  readonly birthtimeMs: number

  constructor(attr: Attr, btime: bigint) {
    super()
    this.ino = Number(attr.ino)
    this.mode = attr.mode
    this.nlink = attr.nlink
    this.uid = attr.uid
    this.gid = attr.gid
    this.rdev = deviceOf(attr.rdev)
    this.size = attr.size
    this.blksize = attr.blksize || 4096
    this.blocks = attr.blocks
    this.atimeMs = milliseconds(attr.atime)
    this.mtimeMs = milliseconds(attr.mtime)
    this.ctimeMs = milliseconds(attr.ctime)
    this.birthtimeMs = milliseconds(btime)
  }

  protected get type(): number {
    return this.mode & S_IF.MT
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
}

/** As `fs.BigIntStats`. */
export class BigStats extends Typed {
  readonly dev = 1n
  readonly ino: bigint
  readonly mode: bigint
  readonly nlink: bigint
  readonly uid: bigint
  readonly gid: bigint
  readonly rdev: bigint
  readonly size: bigint
  readonly blksize: bigint
  readonly blocks: bigint
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly birthtimeNs: bigint

  constructor(attr: Attr, btime: bigint) {
    super()
    this.ino = attr.ino
    this.mode = BigInt(attr.mode)
    this.nlink = BigInt(attr.nlink)
    this.uid = BigInt(attr.uid)
    this.gid = BigInt(attr.gid)
    this.rdev = BigInt(deviceOf(attr.rdev))
    this.size = BigInt(attr.size)
    this.blksize = BigInt(attr.blksize || 4096)
    this.blocks = BigInt(attr.blocks)
    this.atimeNs = attr.atime
    this.mtimeNs = attr.mtime
    this.ctimeNs = attr.ctime
    this.birthtimeNs = btime
  }

  protected get type(): number {
    return Number(this.mode) & S_IF.MT
  }
  get atimeMs(): bigint {
    return this.atimeNs / 1_000_000n
  }
  get mtimeMs(): bigint {
    return this.mtimeNs / 1_000_000n
  }
  get ctimeMs(): bigint {
    return this.ctimeNs / 1_000_000n
  }
  get birthtimeMs(): bigint {
    return this.birthtimeNs / 1_000_000n
  }
}

/** As `fs.Dirent`. */
export class Dirent extends Typed {
  readonly name: string
  readonly #type: number

  constructor(name: string, dirType: number) {
    super()
    this.name = name
    this.#type = dirType << 12
  }

  protected get type(): number {
    return this.#type
  }
}
