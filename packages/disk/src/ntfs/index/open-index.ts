import { AttributeType } from '../layout/attribute.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { IndexTree } from './index-tree.js'
import { pushDown } from './insert.js'

/** Names of the indexes of the format. */
export const IndexName = {
  /** File names of a directory. */
  DIRECTORY: '$I30',
  SECURITY_ID: '$SII',
  SECURITY_HASH: '$SDH',
  OWNER: '$O',
  QUOTA: '$Q',
  REPARSE: '$R',
} as const

/** The index of a file; the same object as long as the file stays in memory. */
export function openIndex(core: Core, inode: Inode, name: string): IndexTree {
  const known = inode.indexes.get(name)
  if (known instanceof IndexTree) return known
  const tree = new IndexTree(core, inode, name)
  inode.indexes.set(name, tree)
  return tree
}

/** Moves the entries of the largest index root of a file to a block; false when no root has any. */
export function shrinkRoots(core: Core, inode: Inode): boolean {
  let largest: IndexTree | null = null
  for (const attribute of inode.all(AttributeType.INDEX_ROOT)) {
    const tree = openIndex(core, inode, attribute.name)
    if (tree.root.entries.length > 0 && tree.root.size > (largest?.root.size ?? 0)) largest = tree
  }
  if (largest === null) return false
  pushDown(largest)
  return true
}
