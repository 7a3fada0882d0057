import { type Attribute, AttributeType } from '../layout/attribute.js'
import { type FileName, Namespace, readFileName } from '../layout/file-name.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { updateName } from './directory.js'
import { summaryOf } from './summary.js'

/** One name of a file and the attribute that holds it. */
export interface NameAttribute {
  readonly attribute: Attribute
  readonly fileName: FileName
}

export function namesOf(inode: Inode): NameAttribute[] {
  const names: NameAttribute[] = []
  for (const attribute of inode.attributes) {
    if (attribute.type !== AttributeType.FILE_NAME || attribute.value === null) continue
    names.push({ attribute, fileName: readFileName(attribute.value, 0, attribute.value.length, 0) })
  }
  return names
}

/** The attribute of one name, and that of the DOS name that belongs to it. */
export function nameAndPartner(inode: Inode, parent: number, name: string): NameAttribute[] {
  const names = namesOf(inode).filter(({ fileName }) => fileName.parent.number === parent)
  const wanted = names.find(({ fileName }) => fileName.name === name)
  if (wanted === undefined) return []
  const { namespace } = wanted.fileName
  if (namespace !== Namespace.WIN32 && namespace !== Namespace.DOS) return [wanted]
  // A Win32 name and its DOS name are one link; there is at most one such pair in a file.
  const other = namespace === Namespace.WIN32 ? Namespace.DOS : Namespace.WIN32
  const partner = names.find(({ fileName }) => fileName.namespace === other)
  return partner === undefined ? [wanted] : [wanted, partner]
}

/** Brings the copies in all directory entries of a file up to date. */
export function updateNames(core: Core, inode: Inode): void {
  if (inode.orphan) return
  const summary = summaryOf(core, inode)
  for (const { fileName } of namesOf(inode)) {
    const parent = fileName.parent.number === inode.number ? inode : core.open(fileName.parent)
    updateName(core, parent, { ...fileName, ...summary })
  }
}

/** Names that count as links: all but DOS ones. */
export function linksOf(inode: Inode): number {
  return namesOf(inode).filter(({ fileName }) => fileName.namespace !== Namespace.DOS).length
}
