import { DiskError } from '../../error.js'
import { byName, ENTRY_HEADER, type Order } from '../index/collation.js'
import { insertEntry } from '../index/insert.js'
import { IndexName, openIndex } from '../index/open-index.js'
import { removeEntry } from '../index/remove.js'
import { changeEntry, findEntry, walk } from '../index/search.js'
import { align8, setU16, setU32, setU64, u16 } from '../layout/bytes.js'
import { encodeFileName, equalFolded, type FileName, Namespace, readFileName } from '../layout/file-name.js'
import { type Reference, readReference, writeReference } from '../layout/reference.js'
import { writeTimes } from '../layout/standard-information.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'

/** One name in a directory. Times, sizes and attributes are copies that may be behind those of the file. */
export interface DirectoryEntry extends FileName {
  readonly reference: Reference
}

function parse(entry: Uint8Array): DirectoryEntry {
  const reference = readReference(entry, 0)
  return { reference, ...readFileName(entry, ENTRY_HEADER, u16(entry, 0x0a), 0) }
}

function index(core: Core, directory: Inode) {
  if (!directory.isDirectory) {
    throw new DiskError('ENOTDIR', `${directory.someName} is not a directory`)
  }
  return openIndex(core, directory, IndexName.DIRECTORY)
}

/** Compares without case: 0 for every name that folds alike. */
function byFoldedName(folded: string, upcase: Uint16Array): Order {
  const exact = byName(folded, upcase)
  return (entry) => (equalFolded(folded, entry, ENTRY_HEADER, upcase) ? 0 : exact(entry))
}

/**
 * The entry with a name, or null.
 *
 * @param ignoreCase also finds a name that differs in case, when none is equal.
 */
export function lookup(
  core: Core,
  directory: Inode,
  name: string,
  ignoreCase: boolean,
): DirectoryEntry | null {
  const tree = index(core, directory)
  const entry = findEntry(tree, byName(name, core.upcase))
  if (entry !== null) return parse(entry)
  if (!ignoreCase) return null
  const other = findEntry(tree, byFoldedName(core.fold(name), core.upcase))
  return other === null ? null : parse(other)
}

/** The reference of the entry with exactly this name; cheaper than `lookup`. */
export function lookupReference(core: Core, directory: Inode, name: string): Reference | null {
  const entry = findEntry(index(core, directory), byName(name, core.upcase))
  return entry === null ? null : readReference(entry, 0)
}

/** Order of two names in a directory. */
function compareNames(core: Core, a: string, b: string): number {
  const [foldedA, foldedB] = [core.fold(a), core.fold(b)]
  if (foldedA !== foldedB) return foldedA < foldedB ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Names per batch of `list`. */
const BATCH = 512

/**
 * The names of a directory in its order, without the DOS names that stand beside a Win32 one. Names that are added or
 * removed meanwhile may or may not show; all others show once.
 */
export function* list(core: Core, directory: Inode, after: string | null = null): Generator<DirectoryEntry> {
  for (let last = after; ; ) {
    const batch: DirectoryEntry[] = []
    const order = last === null ? null : byName(last, core.upcase)
    const tree = index(core, directory)
    for (const entry of walk(tree, order)) {
      if (order !== null && order(entry) === 0) continue
      batch.push(parse(entry))
      if (batch.length === BATCH) break
    }
    tree.trim()
    // Entries out of order would bring the search back to where it was, again and again.
    const end = batch[batch.length - 1]
    if (end !== undefined && last !== null && compareNames(core, last, end.name) >= 0) {
      throw new DiskError('EUCLEAN', `the names of ${directory.someName} are out of order`, {
        actual: end.name,
      })
    }
    for (const entry of batch) if (entry.namespace !== Namespace.DOS) yield entry
    if (batch.length < BATCH) return
    last = (batch[batch.length - 1] as DirectoryEntry).name
  }
}

/** True for a directory without names. */
export function isEmpty(core: Core, directory: Inode): boolean {
  return walk(index(core, directory)).next().done === true
}

/** Adds a name. `EEXIST` when it is there. */
export function addName(core: Core, directory: Inode, reference: Reference, name: FileName): void {
  const key = encodeFileName(name)
  const entry = new Uint8Array(align8(ENTRY_HEADER + key.length))
  writeReference(entry, 0, reference)
  setU16(entry, 8, entry.length)
  setU16(entry, 0x0a, key.length)
  entry.set(key, ENTRY_HEADER)
  insertEntry(index(core, directory), entry)
}

/** Removes a name; `ENOENT` when it is not there. */
export function removeName(core: Core, directory: Inode, name: string): void {
  if (removeEntry(index(core, directory), byName(name, core.upcase)) !== null) return
  throw new DiskError('ENOENT', `no name '${name}' in ${directory.someName}`)
}

/** Brings the copies of times, sizes and attributes in an entry up to date. */
export function updateName(core: Core, directory: Inode, name: FileName): void {
  changeEntry(index(core, directory), byName(name.name, core.upcase), (entry) => {
    const key = entry.subarray(ENTRY_HEADER)
    writeTimes(key, 8, name.times)
    setU64(key, 0x28, name.allocatedSize)
    setU64(key, 0x30, name.dataSize)
    setU32(key, 0x38, name.attributes)
    setU32(key, 0x3c, name.tag)
  })
}
