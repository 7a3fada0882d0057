import * as abi from '../abi/gen/structs.js'
import type { ReplyArea } from './area.js'
import { restNanoseconds, wholeSeconds } from './attr.js'

/** Word offsets of `struct fuse_statx`'s times; each is an i64 of seconds and a u32 of nanoseconds. */
const ATIME_WORD = 16
const BTIME_WORD = 20
const CTIME_WORD = 24
const MTIME_WORD = 28
const INO_WORD = 8
const SIZE_WORD = 10
const TWO_32 = 0x1_0000_0000

/** Answer of statx (`struct fuse_statx_out`): as {@link Attr}, with the time of birth. */
export class StatxOut {
  readonly #area: ReplyArea

  constructor(area: ReplyArea) {
    this.#area = area
  }

  get words(): Uint32Array {
    return this.#area.replyWords
  }
  /** Word index of `struct fuse_statx` in {@link words}. */
  get index(): number {
    return this.#area.body + abi.STATX_OUT_STAT_WORD
  }

  set attrTimeout(seconds: number) {
    const { replyWords, body } = this.#area
    abi.setStatxOut_attrValid(replyWords, body, wholeSeconds(seconds))
    abi.setStatxOut_attrValidNsec(replyWords, body, restNanoseconds(seconds))
  }
  /** `STATX_*` bits of the fields that are filled. */
  set mask(value: number) {
    abi.setStatx_mask(this.words, this.index, value)
  }
  get mode(): number {
    return abi.statx_mode(this.words, this.index)
  }
  set mode(value: number) {
    abi.setStatx_mode(this.words, this.index, value)
  }
  set ino(value: number) {
    abi.setStatx_ino(this.words, this.index, value)
  }
  set size(value: number) {
    abi.setStatx_size(this.words, this.index, value)
    if (value < 0) this.words[this.index + SIZE_WORD + 1] = 0xffff_ffff
  }
  /** A 64-bit inode number, exactly. */
  setIno(value: bigint): void {
    this.#big(INO_WORD, value)
  }
  /** A size in bytes up to 2^63-1, exactly. */
  setSize(value: bigint): void {
    this.#big(SIZE_WORD, value)
  }
  /** Space used, in units of 512 bytes. */
  set blocks(value: number) {
    abi.setStatx_blocks(this.words, this.index, value)
  }
  set blksize(value: number) {
    abi.setStatx_blksize(this.words, this.index, value)
  }
  set nlink(value: number) {
    abi.setStatx_nlink(this.words, this.index, value)
  }
  set uid(value: number) {
    abi.setStatx_uid(this.words, this.index, value)
  }
  set gid(value: number) {
    abi.setStatx_gid(this.words, this.index, value)
  }
  /** Major and minor number of a device node. */
  setRdev(major: number, minor: number): void {
    abi.setStatx_rdevMajor(this.words, this.index, major)
    abi.setStatx_rdevMinor(this.words, this.index, minor)
  }
  setAtime(seconds: number, nanoseconds: number): void {
    this.#time(ATIME_WORD, seconds, nanoseconds)
  }
  setBtime(seconds: number, nanoseconds: number): void {
    this.#time(BTIME_WORD, seconds, nanoseconds)
  }
  setCtime(seconds: number, nanoseconds: number): void {
    this.#time(CTIME_WORD, seconds, nanoseconds)
  }
  setMtime(seconds: number, nanoseconds: number): void {
    this.#time(MTIME_WORD, seconds, nanoseconds)
  }

  #big(word: number, value: bigint): void {
    this.words[this.index + word] = Number(value & 0xffff_ffffn)
    this.words[this.index + word + 1] = Number((value >> 32n) & 0xffff_ffffn)
  }

  #time(word: number, seconds: number, nanoseconds: number): void {
    const at = this.index + word
    this.words[at] = seconds >>> 0
    this.words[at + 1] = Math.floor(seconds / TWO_32)
    this.words[at + 2] = nanoseconds
  }
}
