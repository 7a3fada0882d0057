import { DiskError } from '../../error.js'
import { AttributeType } from '../layout/attribute.js'
import { attributeRoom, attributesSize } from '../volume/fit.js'
import { ENTRY_HEADER } from './collation.js'
import type { IndexTree } from './index-tree.js'
import { type IndexNode, ROOT_VCN } from './node.js'
import { type Step, search } from './search.js'

/** Bytes in front of the entries of a root: attribute header with the name, $INDEX_ROOT and index header. */
function rootOverhead(name: string): number {
  return Math.ceil((0x18 + 2 * name.length) / 8) * 8 + 0x20
}

/** Bytes of a record that an index root leaves for the runs of its allocation to grow into. */
const SPARE = 64

/** Bytes for the entries of the root: what the other attributes leave of the record. */
export function rootCapacity(tree: IndexTree): number {
  const { inode, name, core } = tree
  const room = attributeRoom(core.storage.geometry.recordSize)
  const others = attributesSize(inode, room, inode.need(AttributeType.INDEX_ROOT, name))
  return Math.max(ENTRY_HEADER + 8, room - others - rootOverhead(name) - SPARE)
}

function fits(tree: IndexTree, node: IndexNode): boolean {
  if (node.vcn === ROOT_VCN) return node.entries.length === 0 || node.size <= rootCapacity(tree)
  return node.size <= tree.capacity
}

/** Moves all entries of the root to a new block below it; the tree gets a level. */
export function pushDown(tree: IndexTree): IndexNode {
  const { root } = tree
  const below = tree.allocate()
  below.entries = root.entries
  below.children = root.children
  below.measure()
  root.entries = []
  root.children = [below.vcn]
  root.measure()
  tree.touch(below)
  tree.touch(root)
  tree.syncRoot()
  return below
}

/** The entry that moves up when a node is split: the middle by bytes, or the last but one of an ascending series. */
function splitIndex(node: IndexNode, inserted: number): number {
  const count = node.entries.length
  if (inserted === count - 1 && count > 2) return count - 2
  const child = node.leaf ? 0 : 8
  let size = 0
  for (let i = 0; i < count - 1; i++) {
    size += (node.entries[i] as Uint8Array).length + child
    if (size > node.size / 2 && i > 0) return i
  }
  return Math.max(0, count - 2)
}

/** Splits a node; its middle entry goes to the parent, at `index`. */
function split(tree: IndexTree, node: IndexNode, inserted: number, parent: IndexNode, index: number): void {
  const middle = splitIndex(node, inserted)
  const right = tree.allocate()
  const up = node.entries[middle] as Uint8Array
  right.entries = node.entries.splice(middle + 1)
  node.entries.pop()
  if (!node.leaf) right.children = node.children.splice(middle + 1)
  node.measure()
  right.measure()
  parent.entries.splice(index, 0, up)
  parent.children.splice(index + 1, 0, right.vcn)
  parent.size += up.length + 8
  tree.touch(node)
  tree.touch(right)
  tree.touch(parent)
}

/** Splits the nodes of a path, from its end up, until all fit. */
export function splitUpwards(tree: IndexTree, path: readonly Step[]): void {
  for (let level = path.length - 1; level >= 0; level--) {
    const { node, index } = path[level] as Step
    if (fits(tree, node)) return
    if (level === 0) {
      const below = pushDown(tree)
      if (!fits(tree, below)) split(tree, below, index, tree.root, 0)
      tree.syncRoot()
      return
    }
    const above = path[level - 1] as Step
    split(tree, node, index, above.node, above.index)
  }
}

/** Adds an entry (with its header, 8-aligned, without a child). `EEXIST` when its key is there. */
export function insertEntry(tree: IndexTree, entry: Uint8Array): void {
  const { path, found } = search(tree, tree.collation(entry))
  if (found) throw new DiskError('EEXIST', `an index of ${tree.inode.someName} has this key already`)
  const { node, index } = path[path.length - 1] as Step
  node.entries.splice(index, 0, entry)
  node.size += entry.length
  tree.touch(node)
  splitUpwards(tree, path)
}
