import { emptyIndexRoot } from '../files/create.js'
import { addName } from '../files/directory.js'
import { summaryOf } from '../files/summary.js'
import { CollationRule, ENTRY_HEADER } from '../index/collation.js'
import { IndexTree } from '../index/index-tree.js'
import { IndexName } from '../index/open-index.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { big64, u16, u64 } from '../layout/bytes.js'
import type { FileName } from '../layout/file-name.js'
import { readReference } from '../layout/reference.js'
import { addAttribute, removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { IndexWalk } from './check-directories.js'
import { Findings } from './findings.js'

/** A name that a file says it has in a directory. */
export interface ClaimedName {
  readonly inode: Inode
  readonly fileName: FileName
}

/** What makes an entry the one that its file claims. */
function identity(number: number, sequence: number, namespace: number, name: string): string {
  return `${number}/${sequence}/${namespace}/${name}`
}

/** True when the index is well formed and has exactly the names that files claim, with their sizes and times. */
export function isSound(core: Core, directory: Inode, names: readonly ClaimedName[]): boolean {
  const expected = new Map(
    names.map((claimed) => {
      const { inode, fileName } = claimed
      return [identity(inode.number, inode.sequence, fileName.namespace, fileName.name), claimed]
    }),
  )
  const findings = new Findings()
  let strange = 0
  findings.guard(directory.number, () => {
    const tree = new IndexTree(core, directory, IndexName.DIRECTORY)
    new IndexWalk(tree, findings, (entry) => {
      const { number, sequence } = readReference(entry, 0)
      const units = entry[ENTRY_HEADER + 0x40] as number
      const name = Buffer.from(entry.subarray(ENTRY_HEADER + 0x42, ENTRY_HEADER + 0x42 + 2 * units)).toString(
        'utf16le',
      )
      const key = identity(number, sequence, entry[ENTRY_HEADER + 0x41] as number, name)
      const claimed = expected.get(key)
      if (claimed === undefined || !isCurrent(core, claimed, entry)) strange++
      expected.delete(key)
      if (u16(entry, 8) < ENTRY_HEADER) strange++
    }).run()
  })
  return findings.count === 0 && strange === 0 && expected.size === 0
}

/** The copies in an entry are those of the file; a file with several names may have old ones. */
function isCurrent(core: Core, { inode }: ClaimedName, entry: Uint8Array): boolean {
  if (inode.number < 24 || inode.linkCount > 1) return true
  const { dataSize, times } = summaryOf(core, inode)
  return u64(entry, ENTRY_HEADER + 0x30) === dataSize && big64(entry, ENTRY_HEADER + 0x10) === times.modified
}

/**
 * Makes the index of a directory anew from the names that files claim.
 *
 * @returns the names that found no place, because another file has the same.
 */
export function rebuildDirectory(core: Core, directory: Inode, names: readonly ClaimedName[]): ClaimedName[] {
  for (const type of [AttributeType.INDEX_ROOT, AttributeType.INDEX_ALLOCATION, AttributeType.BITMAP]) {
    const attribute = directory.find(type, IndexName.DIRECTORY)
    if (attribute !== undefined) removeAttribute(core, directory, attribute)
  }
  directory.indexes.delete(IndexName.DIRECTORY)
  const root = emptyIndexRoot(core.storage.geometry, AttributeType.FILE_NAME, CollationRule.FILE_NAME)
  addAttribute(core, directory, new Attribute(AttributeType.INDEX_ROOT, IndexName.DIRECTORY, root))
  const left: ClaimedName[] = []
  for (const claimed of names) {
    const { inode, fileName } = claimed
    try {
      addName(core, directory, inode.reference, { ...fileName, ...summaryOf(core, inode) })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      left.push(claimed)
    }
  }
  return left
}
