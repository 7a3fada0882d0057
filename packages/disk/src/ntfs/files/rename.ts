import { DiskError } from '../../error.js'
import { FIRST_USER_RECORD, SystemRecord } from '../layout/reference.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { attachName, markChanged } from './create.js'
import { isEmpty, lookupReference } from './directory.js'
import { namesOf } from './names-of.js'
import { detachName, dropIfUnnamed, namedInode } from './remove.js'

/** A path has at most 32767 units, so no tree is deeper; a longer way up is a loop. */
const DEPTH_MAX = 32768

/** Refuses to move a directory below itself. */
function checkNotBelow(core: Core, inode: Inode, parent: Inode): void {
  let current = parent
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (current === inode) throw new DiskError('EINVAL', `${inode.someName} cannot move below itself`)
    if (current.number === SystemRecord.ROOT) return
    const up = namesOf(current)[0]
    if (up === undefined) throw new DiskError('ENOENT', `${current.someName} was removed`)
    current = core.open(up.fileName.parent)
  }
  throw new DiskError('EUCLEAN', `${parent.someName} lies in a loop of directories`)
}

function checkReplaceable(core: Core, inode: Inode, target: Inode, name: string): void {
  if (target.number < FIRST_USER_RECORD)
    throw new DiskError('EPERM', `'${name}' belongs to the volume itself`)
  if (target.isDirectory && !inode.isDirectory) throw new DiskError('EISDIR', `'${name}' is a directory`)
  if (!target.isDirectory && inode.isDirectory) throw new DiskError('ENOTDIR', `'${name}' is not a directory`)
  if (target.isDirectory && !isEmpty(core, target))
    throw new DiskError('ENOTEMPTY', `directory '${name}' is not empty`)
}

/**
 * Renames as rename(2): a file at the new name is replaced, and nothing happens when both names are of one file. A
 * name that differs in case only is a new name.
 *
 * @param replace false: a file at the new name is `EEXIST`.
 */
export function renameFile(
  core: Core,
  from: Inode,
  oldName: string,
  to: Inode,
  newName: string,
  replace = true,
): void {
  const inode = namedInode(core, from, oldName)
  if (inode.number < FIRST_USER_RECORD)
    throw new DiskError('EPERM', `'${oldName}' belongs to the volume itself`)
  const existing = lookupReference(core, to, newName)
  if (existing !== null) {
    if (!replace) throw new DiskError('EEXIST', `a file named '${newName}' exists in ${to.someName}`)
    if (existing.number === inode.number) return
  }
  if (inode.isDirectory) checkNotBelow(core, inode, to)
  const target = existing === null ? null : core.open(existing)
  if (target !== null) checkReplaceable(core, inode, target, newName)
  core.change()
  if (target !== null) detachName(core, target, to, newName)
  detachName(core, inode, from, oldName)
  attachName(core, inode, to, newName)
  markChanged(core, inode)
  if (target !== null) dropIfUnnamed(core, target)
}
