import { namesOf } from '../files/names-of.js'
import { summaryOf } from '../files/summary.js'
import { ENTRY_HEADER } from '../index/collation.js'
import { DEPTH_MAX, IndexTree } from '../index/index-tree.js'
import { type IndexNode, ROOT_VCN } from '../index/node.js'
import { IndexName } from '../index/open-index.js'
import { AttributeType } from '../layout/attribute.js'
import { u16 } from '../layout/bytes.js'
import { type FileName, Namespace, readFileName } from '../layout/file-name.js'
import { readReference, SystemRecord } from '../layout/reference.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { loadInode } from '../volume/inode-load.js'
import type { Survey } from './check-records.js'
import type { Findings } from './findings.js'

/** Walks a whole index: order, blocks, depth. Calls `entry` for every entry in order. */
export class IndexWalk {
  readonly #tree: IndexTree
  readonly #findings: Findings
  readonly #entry: (entry: Uint8Array) => void
  readonly #seen = new Set<number>()
  #last: Uint8Array | null = null
  #leafDepth = -1

  constructor(tree: IndexTree, findings: Findings, entry: (entry: Uint8Array) => void) {
    this.#tree = tree
    this.#findings = findings
    this.#entry = entry
  }

  #visit(node: IndexNode, depth: number): void {
    const { number } = this.#tree.inode
    if (depth > DEPTH_MAX || this.#seen.has(node.vcn)) {
      this.#findings.add(`index block ${node.vcn} of ${this.#tree.name} stands in the tree twice`, number)
      return
    }
    this.#seen.add(node.vcn)
    if (node.vcn !== ROOT_VCN && node.entries.length === 0) {
      this.#findings.add(`index block ${node.vcn} of ${this.#tree.name} is empty`, number)
    }
    if (node.leaf && this.#leafDepth < 0) this.#leafDepth = depth
    if (node.leaf && depth !== this.#leafDepth) {
      this.#findings.add(`leaves of ${this.#tree.name} at different depths`, number, this.#leafDepth, depth)
    }
    node.entries.forEach((entry, index) => {
      if (!node.leaf) this.#visit(this.#tree.node(node.children[index] as number), depth + 1)
      if (this.#last !== null && this.#tree.collation(this.#last)(entry) >= 0) {
        this.#findings.add(`entries of ${this.#tree.name} out of order`, number)
      }
      this.#last = entry
      this.#entry(entry)
    })
    if (!node.leaf) this.#visit(this.#tree.node(node.children[node.entries.length] as number), depth + 1)
  }

  run(): void {
    const tree = this.#tree
    this.#visit(tree.root, 0)
    for (let block = 0; block < tree.blocks; block++) {
      const used = ((tree.bitmap[block >> 3] ?? 0) & (1 << (block & 7))) !== 0
      const inTree = this.#seen.has((block * tree.blockSize) / tree.unit)
      this.#findings.equal(`bit ${block} in $BITMAP:${tree.name}`, tree.inode.number, inTree, used)
    }
  }
}

function nameKey(parent: number, file: number, namespace: number, name: string): string {
  return `${parent}/${file}/${namespace}/${name}`
}

function checkCopies(core: Core, findings: Findings, inode: Inode, entry: FileName): void {
  const summary = summaryOf(core, inode)
  const { number } = inode
  findings.equal(`size in the entry '${entry.name}'`, number, summary.dataSize, entry.dataSize)
  findings.equal(
    `allocated size in the entry '${entry.name}'`,
    number,
    summary.allocatedSize,
    entry.allocatedSize,
  )
  findings.equal(`attributes in the entry '${entry.name}'`, number, summary.attributes, entry.attributes)
  findings.equal(`tag in the entry '${entry.name}'`, number, summary.tag, entry.tag)
  findings.equal(
    `modification time in the entry '${entry.name}'`,
    number,
    summary.times.modified,
    entry.times.modified,
  )
}

/** Checks all indexes of a volume, and that every name stands both in its file and in its directory. */
export function checkDirectories(core: Core, findings: Findings, survey: Survey): void {
  const inFiles = new Map<string, number>()
  const loaded = new Map<number, Inode>()
  for (const number of survey.files) {
    findings.guard(number, () => {
      const inode = loadInode(core.mft, number)
      loaded.set(number, inode)
      for (const { fileName } of namesOf(inode)) {
        inFiles.set(nameKey(fileName.parent.number, number, fileName.namespace, fileName.name), number)
      }
    })
  }
  for (const number of survey.files) {
    const inode = loaded.get(number)
    if (inode === undefined) continue
    for (const root of inode.all(AttributeType.INDEX_ROOT)) {
      findings.guard(number, () => {
        const directory = root.name === IndexName.DIRECTORY
        const tree = new IndexTree(core, inode, root.name)
        const visit = (entry: Uint8Array) => {
          if (directory) checkEntry(core, findings, loaded, inFiles, number, entry)
        }
        new IndexWalk(tree, findings, visit).run()
      })
    }
  }
  for (const [key, number] of inFiles) findings.add(`name ${key} stands in its file only`, number)
}

function checkEntry(
  core: Core,
  findings: Findings,
  loaded: ReadonlyMap<number, Inode>,
  inFiles: Map<string, number>,
  directory: number,
  entry: Uint8Array,
): void {
  const reference = readReference(entry, 0)
  const fileName = readFileName(entry, ENTRY_HEADER, u16(entry, 0x0a), 0)
  const inode = loaded.get(reference.number)
  if (inode === undefined) {
    findings.add(
      `entry '${fileName.name}' leads to MFT record ${reference.number}, which holds no file`,
      directory,
    )
    return
  }
  findings.equal(`sequence in the entry '${fileName.name}'`, directory, inode.sequence, reference.sequence)
  findings.equal(`parent in the entry '${fileName.name}'`, directory, directory, fileName.parent.number)
  if (!inFiles.delete(nameKey(directory, reference.number, fileName.namespace, fileName.name))) {
    findings.add(`entry '${fileName.name}' is no name of MFT record ${reference.number}`, directory)
  }
  const own = reference.number < SystemRecord.EXTEND + 1 || directory === SystemRecord.EXTEND
  // With several links the copies of the others are allowed to be behind.
  const single = namesOf(inode).filter((n) => n.fileName.namespace !== Namespace.DOS).length === 1
  if (!own && single && fileName.namespace !== Namespace.DOS) checkCopies(core, findings, inode, fileName)
}
