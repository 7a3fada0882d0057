import { corrupt } from '../../error.js'
import type { Order } from './collation.js'
import { DEPTH_MAX, type IndexTree } from './index-tree.js'
import { type IndexNode, ROOT_VCN } from './node.js'

/** A node on the way down, and the entry found in it or the child taken. */
export interface Step {
  readonly node: IndexNode
  readonly index: number
}

export interface Found {
  /** From the root to the node with the entry, or to the leaf where it belongs. */
  readonly path: Step[]
  readonly found: boolean
}

/** The first entry of a node that is not before the searched key. */
function lowerBound(node: IndexNode, order: Order): number {
  let low = 0
  let high = node.entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (order(node.entries[middle] as Uint8Array) > 0) low = middle + 1
    else high = middle
  }
  return low
}

function child(tree: IndexTree, node: IndexNode, index: number, depth: number): IndexNode {
  const vcn = node.children[index] as number
  if (depth >= DEPTH_MAX) {
    throw corrupt(
      `depth of an index of ${tree.inode.someName} (a loop)`,
      vcn * tree.unit,
      `at most ${DEPTH_MAX}`,
      depth,
    )
  }
  return tree.node(vcn)
}

/** Goes down to a key. */
export function search(tree: IndexTree, order: Order): Found {
  const path: Step[] = []
  for (let node = tree.root; ; ) {
    const index = lowerBound(node, order)
    path.push({ node, index })
    const entry = node.entries[index]
    if (entry !== undefined && order(entry) === 0) return { path, found: true }
    if (node.leaf) return { path, found: false }
    node = child(tree, node, index, path.length)
  }
}

/** The entry with a key, or null. The bytes belong to the tree: change them only through `changeEntry`. */
export function findEntry(tree: IndexTree, order: Order): Uint8Array | null {
  for (let node = tree.root, depth = 1; ; depth++) {
    const index = lowerBound(node, order)
    const entry = node.entries[index]
    if (entry !== undefined && order(entry) === 0) return entry
    if (node.leaf) return null
    node = child(tree, node, index, depth)
  }
}

/** Changes data of an entry in place (not its key's order or length); false when it is not there. */
export function changeEntry(tree: IndexTree, order: Order, change: (entry: Uint8Array) => void): boolean {
  const { path, found } = search(tree, order)
  if (!found) return false
  const { node, index } = path[path.length - 1] as Step
  change(node.entries[index] as Uint8Array)
  tree.touch(node)
  return true
}

/** Extends a path to the leaf with the entries right before the child at its end. */
export function descendLast(tree: IndexTree, path: Step[]): Step[] {
  const last = path[path.length - 1] as Step
  for (let node = last.node, index = last.index; !node.leaf; ) {
    node = child(tree, node, index, path.length)
    index = node.leaf ? node.entries.length : node.children.length - 1
    path.push({ node, index })
  }
  return path
}

/**
 * The entries in order, from the first one that is not before `from`. The tree must not change meanwhile: collect a
 * batch, then continue behind its last key.
 */
export function* walk(tree: IndexTree, from: Order | null = null): Generator<Uint8Array> {
  const onPath = new Set<number>()
  const stack: { node: IndexNode; index: number; inChild: boolean }[] = []
  const enter = (node: IndexNode, order: Order | null) => {
    if (onPath.has(node.vcn) || stack.length >= DEPTH_MAX) {
      throw corrupt(`an index of ${tree.inode.someName} has a loop`, node.vcn * tree.unit, 'a tree', node.vcn)
    }
    onPath.add(node.vcn)
    stack.push({ node, index: order === null ? 0 : lowerBound(node, order), inChild: false })
  }
  enter(tree.root, from)
  let order = from
  // Each block stands once in a tree; a damaged one that repeats blocks ends here instead of running for ever.
  let budget = tree.blocksOnDisk + 1
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { node: IndexNode; index: number; inChild: boolean }
    if (!top.node.leaf && !top.inChild) {
      top.inChild = true
      const entry = top.node.entries[top.index]
      // When this entry is the searched one, everything left of it is before it.
      if (order !== null && entry !== undefined && order(entry) === 0) order = null
      else {
        if (budget-- === 0)
          throw corrupt(`an index of ${tree.inode.someName} repeats blocks`, 0, 'a tree', 'a graph')
        enter(tree.node(top.node.children[top.index] as number), order)
        continue
      }
    }
    order = null
    const entry = top.node.entries[top.index]
    if (entry === undefined) {
      if (top.node.vcn !== ROOT_VCN) onPath.delete(top.node.vcn)
      stack.pop()
      continue
    }
    top.index++
    top.inChild = false
    yield entry
  }
}
