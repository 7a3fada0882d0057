import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import { FALLOC, FOPEN, O, SEEK } from '../common/constants.js'
import { copyRange } from './copy-range.js'
import type { Inode } from './inode.js'
import { killCapability, killSetId } from './set-id.js'
import type { Store } from './store.js'
import { readIsNews, touchModified, touchRead } from './times.js'

/** Most bytes that one copy_file_range moves, so that a large one does not keep everybody else waiting. */
const COPY_STEP = 16 * 2 ** 20
const ACCESS_MODE = O.WRONLY | O.RDWR

/** Marks the content of the file as changed by its user. */
function modified(store: Store, node: Inode): void {
  store.clock.tick()
  touchModified(node, store.clock)
  killCapability(node)
}

/**
 * How the kernel may cache an open file. Its cache is always right, but a read from it is not seen here: where the
 * next read is to be recorded as the time of access, the cache starts empty.
 */
export function openFlags(store: Store, node: Inode, flags: number): number {
  const reads = (flags & ACCESS_MODE) !== O.WRONLY && (flags & O.NOATIME) === 0
  if (store.settings.relatime && reads && node.size > 0 && readIsNews(node, store.clock)) return 0
  return FOPEN.KEEP_CACHE
}

export function truncateOnOpen(store: Store, node: Inode, kill: boolean): void {
  node.content?.truncate(0)
  modified(store, node)
  if (kill) killSetId(node)
}

export function read(
  store: Store,
  node: Inode,
  offset: number,
  size: number,
  noAtime: boolean,
  out: DataOut,
): number {
  if (node.content === null) return node.isDirectory ? -errno.EISDIR : -errno.EINVAL
  node.content.read(offset, size, out)
  if (store.settings.relatime && !noAtime) recordRead(store, node)
  return 0
}

/** Records a read where relatime wants it. */
export function recordRead(store: Store, node: Inode): void {
  // The clock of the last change is near enough for a rule that counts days, and costs nothing.
  if (!readIsNews(node, store.clock)) return
  store.clock.tick()
  touchRead(node, store.clock)
}

export function write(store: Store, node: Inode, offset: number, data: Uint8Array): number {
  const { content } = node
  if (content === null) return node.isDirectory ? -errno.EISDIR : -errno.EINVAL
  const room = store.settings.fileSizeMax - offset
  if (room <= 0 && data.length > 0) return -errno.EFBIG
  const written = content.write(offset, data, 0, Math.min(data.length, room))
  if (written > 0) modified(store, node)
  return written
}

export function fallocate(store: Store, node: Inode, offset: number, length: number, mode: number): number {
  const { content } = node
  if (content === null) return node.isDirectory ? -errno.EISDIR : -errno.ENODEV
  if (offset < 0 || length <= 0) return -errno.EINVAL
  const end = offset + length
  if (end > store.settings.fileSizeMax) return -errno.EFBIG
  const keepSize = (mode & FALLOC.KEEP_SIZE) !== 0
  let result = 0
  switch (mode & ~FALLOC.KEEP_SIZE) {
    case 0:
      result = content.reserve(offset, end)
      break
    case FALLOC.PUNCH_HOLE:
      if (!keepSize) return -errno.EOPNOTSUPP
      content.punch(offset, end)
      break
    case FALLOC.ZERO_RANGE:
      result = content.zero(offset, end)
      break
    default:
      return -errno.EOPNOTSUPP
  }
  if (result < 0) return result
  if (!keepSize && end > content.size) content.size = end
  modified(store, node)
  return 0
}

export function seek(node: Inode, offset: number, whence: number): number {
  if (node.content === null) return -errno.EINVAL
  if (whence !== SEEK.DATA && whence !== SEEK.HOLE) return -errno.EINVAL
  return node.content.seek(offset, whence === SEEK.DATA)
}

export function copy(
  store: Store,
  from: Inode,
  offset: number,
  to: Inode,
  toOffset: number,
  length: number,
): number {
  if (from.content === null || to.content === null) return -errno.EINVAL
  const room = store.settings.fileSizeMax - toOffset
  if (room <= 0 && length > 0) return -errno.EFBIG
  const asked = Math.min(length, room, COPY_STEP)
  if (from === to && offset < toOffset + asked && toOffset < offset + asked) return -errno.EINVAL
  const copied = copyRange(from.content, offset, to.content, toOffset, asked)
  if (copied > 0) {
    modified(store, to)
    if (store.settings.relatime) recordRead(store, from)
  }
  return copied
}
