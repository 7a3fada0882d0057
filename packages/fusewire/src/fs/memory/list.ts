import type { DirOut, DirPlusOut } from '../../api/dir-out.js'
import { DT } from '../common/constants.js'
import { DOT_COOKIE, DOTDOT_COOKIE } from './directory.js'
import { fillEntry } from './fill.js'
import type { Inode } from './inode.js'

/** The `DT_*` of a node is its file type shifted down (dirent.h, IFTODT). */
const typeOf = (node: Inode): number => (node.mode >>> 12) & 0xf

/** Puts records of `node` from `offset` on, as many as fit. */
export function list(node: Inode, offset: number, out: DirOut): void {
  const { directory, parent } = node
  if (directory === null) return
  if (offset < DOT_COOKIE && !out.add('.', node.id, DT.DIR, DOT_COOKIE)) return
  if (offset < DOTDOT_COOKIE && !out.add('..', (parent ?? node).id, DT.DIR, DOTDOT_COOKIE)) return
  for (let at = directory.positionAfter(Math.max(offset, DOTDOT_COOKIE)); ; at++) {
    const entry = directory.at(at)
    if (entry === undefined) return
    const child = entry.node
    if (child === null) continue
    if (!out.add(entry.name, child.id, typeOf(child), entry.cookie)) return
  }
}

/** As {@link list}, each record with the attributes of its node and one reference on it. */
export function listPlus(node: Inode, offset: number, out: DirPlusOut, timeout: number): void {
  const { directory, parent } = node
  if (directory === null) return
  // Without a node id these two carry no reference; the kernel has both directories already.
  if (offset < DOT_COOKIE && out.add('.', node.id, DT.DIR, DOT_COOKIE) === null) return
  if (offset < DOTDOT_COOKIE) {
    if (out.add('..', (parent ?? node).id, DT.DIR, DOTDOT_COOKIE) === null) return
  }
  for (let at = directory.positionAfter(Math.max(offset, DOTDOT_COOKIE)); ; at++) {
    const entry = directory.at(at)
    if (entry === undefined) return
    const child = entry.node
    if (child === null) continue
    const record = out.add(entry.name, child.id, typeOf(child), entry.cookie)
    if (record === null) return
    fillEntry(record, child, timeout)
  }
}
