import { DiskError } from '../../error.js'
import { FIRST_USER_RECORD } from '../layout/reference.js'
import { removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { freeInode } from '../volume/store.js'
import { markChanged, markModified } from './create.js'
import { isEmpty, lookupReference, removeName } from './directory.js'
import { nameAndPartner, namesOf } from './names-of.js'
import { dropIndexedPoints } from './points.js'

/** Takes one name (and its DOS partner) off a file and out of its directory. */
export function detachName(core: Core, inode: Inode, parent: Inode, name: string): void {
  const names = nameAndPartner(inode, parent.number, name)
  if (names.length === 0) {
    throw new DiskError(
      'EUCLEAN',
      `MFT record ${inode.number} does not know its name '${name}' in ${parent.someName}`,
    )
  }
  for (const { attribute, fileName } of names) {
    removeName(core, parent, fileName.name)
    removeAttribute(core, inode, attribute)
    inode.linkCount = Math.max(0, inode.linkCount - 1)
  }
  markModified(core, parent)
}

/** Frees a file without names, now or when its last handle is closed. */
export function dropIfUnnamed(core: Core, inode: Inode): void {
  if (namesOf(inode).length > 0) {
    markChanged(core, inode)
    return
  }
  if (inode.opens > 0) {
    inode.orphan = true
    core.stale.delete(inode)
    return
  }
  dropIndexedPoints(core, inode)
  freeInode(core, inode)
}

/** The file behind a name; `ENOENT` when there is none, `EPERM` for the volume's own files. */
export function namedInode(core: Core, parent: Inode, name: string): Inode {
  const reference = lookupReference(core, parent, name)
  if (reference === null) throw new DiskError('ENOENT', `no file named '${name}' in ${parent.someName}`)
  return core.open(reference)
}

function checkOrdinary(inode: Inode, name: string): void {
  if (inode.number >= FIRST_USER_RECORD) return
  throw new DiskError('EPERM', `'${name}' belongs to the volume itself`)
}

/** Removes a name of a file that is no directory. */
export function unlinkFile(core: Core, parent: Inode, name: string): void {
  const inode = namedInode(core, parent, name)
  checkOrdinary(inode, name)
  if (inode.isDirectory) throw new DiskError('EISDIR', `'${name}' is a directory`)
  core.change()
  detachName(core, inode, parent, name)
  dropIfUnnamed(core, inode)
}

/** Removes an empty directory. */
export function removeDirectory(core: Core, parent: Inode, name: string): void {
  const inode = namedInode(core, parent, name)
  checkOrdinary(inode, name)
  if (!inode.isDirectory) throw new DiskError('ENOTDIR', `'${name}' is not a directory`)
  if (!isEmpty(core, inode)) throw new DiskError('ENOTEMPTY', `directory '${name}' is not empty`)
  core.change()
  detachName(core, inode, parent, name)
  dropIfUnnamed(core, inode)
}
