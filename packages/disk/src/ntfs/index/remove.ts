import { DiskError } from '../../error.js'
import { ENTRY_HEADER, type Order } from './collation.js'
import type { IndexTree } from './index-tree.js'
import { rootCapacity, splitUpwards } from './insert.js'
import type { IndexNode } from './node.js'
import { descendLast, type Step, search } from './search.js'

/** A node below this part of its capacity looks for a neighbour to join. */
const SPARSE_PART = 4

/** Bytes that two neighbours and the entry between them take in one node. */
function joinedSize(left: IndexNode, between: Uint8Array, right: IndexNode): number {
  return left.size - ENTRY_HEADER + between.length + right.size
}

/** Moves the right neighbour and the entry between both into the left one. */
function join(tree: IndexTree, parent: IndexNode, index: number, left: IndexNode, right: IndexNode): void {
  const between = parent.entries[index] as Uint8Array
  left.entries.push(between, ...right.entries)
  left.children.push(...right.children)
  left.measure()
  parent.entries.splice(index, 1)
  parent.children.splice(index + 1, 1)
  parent.measure()
  tree.free(right)
  tree.touch(left)
  tree.touch(parent)
}

/** Gives an empty node the entry between it and its left neighbour, whose last entry takes that place. */
function borrowLeft(
  tree: IndexTree,
  parent: IndexNode,
  index: number,
  left: IndexNode,
  node: IndexNode,
): void {
  node.entries.unshift(parent.entries[index] as Uint8Array)
  parent.entries[index] = left.entries.pop() as Uint8Array
  if (!node.leaf) node.children.unshift(left.children.pop() as number)
  for (const changed of [left, node, parent]) {
    changed.measure()
    tree.touch(changed)
  }
}

function borrowRight(
  tree: IndexTree,
  parent: IndexNode,
  index: number,
  node: IndexNode,
  right: IndexNode,
): void {
  node.entries.push(parent.entries[index] as Uint8Array)
  parent.entries[index] = right.entries.shift() as Uint8Array
  if (!node.leaf) node.children.push(right.children.shift() as number)
  for (const changed of [right, node, parent]) {
    changed.measure()
    tree.touch(changed)
  }
}

/** Joins a sparse node with a neighbour, or fills an empty one from a neighbour; false when nothing was done. */
function relieve(
  tree: IndexTree,
  parent: IndexNode,
  index: number,
  node: IndexNode,
): 'joined' | 'borrowed' | null {
  const left = index > 0 ? tree.node(parent.children[index - 1] as number) : null
  const right = index < parent.entries.length ? tree.node(parent.children[index + 1] as number) : null
  if (left !== null && joinedSize(left, parent.entries[index - 1] as Uint8Array, node) <= tree.capacity) {
    join(tree, parent, index - 1, left, node)
    return 'joined'
  }
  if (right !== null && joinedSize(node, parent.entries[index] as Uint8Array, right) <= tree.capacity) {
    join(tree, parent, index, node, right)
    return 'joined'
  }
  if (node.entries.length > 0) return null
  if (left !== null && left.entries.length > 1) borrowLeft(tree, parent, index - 1, left, node)
  else if (right !== null && right.entries.length > 1) borrowRight(tree, parent, index, node, right)
  else return null
  return 'borrowed'
}

/** Takes the only child's entries into the root while they fit well: the tree loses a level. */
function pullUp(tree: IndexTree): void {
  const { root } = tree
  while (!root.leaf && root.entries.length === 0) {
    const below = tree.node(root.children[0] as number)
    // A node without entries goes in any case: it has no neighbour that it could join.
    if (below.entries.length > 0 && below.size > rootCapacity(tree) / 2) break
    root.entries = below.entries
    root.children = below.children
    root.measure()
    tree.free(below)
    tree.touch(root)
    tree.syncRoot()
  }
}

/** Repairs the nodes of a path after one at its end has lost an entry. */
function joinUpwards(tree: IndexTree, path: readonly Step[]): void {
  for (let level = path.length - 1; level > 0; level--) {
    const { node } = path[level] as Step
    if (node.entries.length > 0 && node.size >= tree.capacity / SPARSE_PART) break
    const above = path[level - 1] as Step
    const done = relieve(tree, above.node, above.index, node)
    if (done === 'borrowed') splitUpwards(tree, path.slice(0, level))
    if (done !== 'joined') break
  }
  pullUp(tree)
}

/** Removes the last entry of the leaf at the end of a path and returns it. */
function takeLast(tree: IndexTree, path: readonly Step[]): Uint8Array {
  const { node } = path[path.length - 1] as Step
  const entry = node.entries.pop()
  if (entry === undefined) {
    throw new DiskError('EUCLEAN', `an index of ${tree.inode.someName} has an empty leaf`)
  }
  node.size -= entry.length
  tree.touch(node)
  return entry
}

/** Removes the entry with a key; returns it, or null when there is none. */
export function removeEntry(tree: IndexTree, order: Order): Uint8Array | null {
  const { path, found } = search(tree, order)
  if (!found) return null
  const { node, index } = path[path.length - 1] as Step
  const removed = node.entries[index] as Uint8Array
  if (node.leaf) {
    node.entries.splice(index, 1)
    node.size -= removed.length
    tree.touch(node)
    joinUpwards(tree, path)
    return removed
  }
  // An inner entry separates two children, so the one right before it takes its place.
  const before = takeLast(tree, descendLast(tree, [...path]))
  node.entries[index] = before
  node.size += before.length - removed.length
  tree.touch(node)
  splitUpwards(tree, path)
  const again = search(tree, tree.collation(before))
  joinUpwards(tree, descendLast(tree, again.path))
  return removed
}
