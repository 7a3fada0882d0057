import type { Attr } from '../attr.js'
import { DT, S_IF } from '../constants.js'
import type { StatxOut } from '../statx-out.js'
import type { DirentLike, StatsLike } from './path-filesystem.js'

const BILLION = 1_000_000_000n

type TimeName = 'atime' | 'mtime' | 'ctime' | 'birthtime'

const num = (value: number | bigint | undefined, otherwise: number): number =>
  value === undefined ? otherwise : Number(value)

/** Seconds and nanoseconds of one of the times, from the most exact field that is there; undefined when none is. */
function timeOf(stats: StatsLike, name: TimeName): [number, number] | undefined {
  const ns = stats[`${name}Ns`]
  if (ns !== undefined) {
    const rest = ((ns % BILLION) + BILLION) % BILLION
    return [Number((ns - rest) / BILLION), Number(rest)]
  }
  const ms = stats[`${name}Ms`] ?? stats[name]?.getTime()
  if (ms === undefined) return undefined
  const value = Number(ms)
  const seconds = Math.floor(value / 1000)
  // A double holds today's milliseconds to about a quarter of a microsecond; more digits would be noise.
  const nanoseconds = Math.min(999_999_999, Math.round((value - seconds * 1000) * 1000) * 1000)
  return [seconds, nanoseconds]
}

/** What a file without times shows: the moment the mount began. */
const START = timeOf({ mode: 0, mtimeMs: Date.now() }, 'mtime')!

/** Writes Stats-like values into an answer. `node` is the inode number where the stats name none. */
export function putStats(attr: Attr, stats: StatsLike, node: number): void {
  attr.mode = Number(stats.mode)
  const size = stats.size ?? 0
  if (typeof size === 'bigint') attr.setSize(size)
  else attr.size = size
  if (typeof stats.ino === 'bigint') attr.setIno(stats.ino)
  else attr.ino = stats.ino ?? node
  attr.nlink = num(stats.nlink, 1)
  attr.uid = num(stats.uid, 0)
  attr.gid = num(stats.gid, 0)
  attr.rdev = num(stats.rdev, 0)
  attr.blocks = num(stats.blocks, Math.ceil(Number(size) / 512))
  attr.blksize = num(stats.blksize, 4096)
  const mtime = timeOf(stats, 'mtime') ?? START
  attr.setMtime(...mtime)
  attr.setAtime(...(timeOf(stats, 'atime') ?? mtime))
  attr.setCtime(...(timeOf(stats, 'ctime') ?? mtime))
}

/** `st_rdev` as Linux packs it: minor 7..0, major 19..8, the minor's other bits 31..20. */
const majorOf = (rdev: number): number => (rdev >>> 8) & 0xfff
const minorOf = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)

const STATX_BASIC = 0x7ff
const STATX_BTIME = 0x800

export function putStatx(out: StatxOut, stats: StatsLike, node: number): void {
  out.mode = Number(stats.mode)
  const size = stats.size ?? 0
  if (typeof size === 'bigint') out.setSize(size)
  else out.size = size
  if (typeof stats.ino === 'bigint') out.setIno(stats.ino)
  else out.ino = stats.ino ?? node
  out.nlink = num(stats.nlink, 1)
  out.uid = num(stats.uid, 0)
  out.gid = num(stats.gid, 0)
  out.blocks = num(stats.blocks, Math.ceil(Number(size) / 512))
  out.blksize = num(stats.blksize, 4096)
  const mtime = timeOf(stats, 'mtime') ?? START
  const birth = timeOf(stats, 'birthtime')
  const rdev = num(stats.rdev, 0)
  out.setRdev(majorOf(rdev), minorOf(rdev))
  out.setMtime(...mtime)
  out.setAtime(...(timeOf(stats, 'atime') ?? mtime))
  out.setCtime(...(timeOf(stats, 'ctime') ?? mtime))
  if (birth !== undefined) out.setBtime(...birth)
  out.mask = birth === undefined ? STATX_BASIC : STATX_BASIC | STATX_BTIME
}

/** `DT_*` of a directory entry; unknown when it is only a name. */
export function direntType(entry: DirentLike): number {
  if (typeof entry === 'string') return DT.UNKNOWN
  if (entry.isFile?.()) return DT.REG
  if (entry.isDirectory?.()) return DT.DIR
  if (entry.isSymbolicLink?.()) return DT.LNK
  if (entry.isFIFO?.()) return DT.FIFO
  if (entry.isSocket?.()) return DT.SOCK
  if (entry.isCharacterDevice?.()) return DT.CHR
  if (entry.isBlockDevice?.()) return DT.BLK
  return DT.UNKNOWN
}

export const typeOf = (stats: StatsLike): number => Number(stats.mode) & S_IF.MT
