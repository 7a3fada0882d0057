import type { Clock } from '../common/clock.js'
import type { Inode } from './inode.js'

/** Age in seconds from which on a read is recorded even without a change in between: one day, as relatime has it. */
const RELATIME_SECONDS = 86400

/** The node's attributes changed. */
export function touchChanged(node: Inode, clock: Clock): void {
  node.ctime = clock.seconds
  node.ctimeNs = clock.nanoseconds
}

/** The node's content changed, and with it its attributes. */
export function touchModified(node: Inode, clock: Clock): void {
  node.mtime = node.ctime = clock.seconds
  node.mtimeNs = node.ctimeNs = clock.nanoseconds
  node.version++
}

/** True when a read now is to be recorded under relatime: the last one is before the last change, or a day old. */
export function readIsNews(node: Inode, clock: Clock): boolean {
  const { atime, atimeNs } = node
  if (atime < node.mtime || (atime === node.mtime && atimeNs <= node.mtimeNs)) return true
  if (atime < node.ctime || (atime === node.ctime && atimeNs <= node.ctimeNs)) return true
  return clock.seconds - atime >= RELATIME_SECONDS
}

/** The node was read. */
export function touchRead(node: Inode, clock: Clock): void {
  node.atime = clock.seconds
  node.atimeNs = clock.nanoseconds
}
