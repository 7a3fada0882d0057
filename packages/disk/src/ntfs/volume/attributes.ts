import type { Attribute } from '../layout/attribute.js'
import { releaseRuns } from './allocation.js'
import type { Core } from './core.js'
import type { Inode } from './inode.js'

/** Adds an attribute to a file, at its place in the order of type and name. */
export function addAttribute(core: Core, inode: Inode, attribute: Attribute): void {
  const folded = core.fold(attribute.name)
  const list = inode.attributes
  let index = list.length
  while (index > 0) {
    const before = list[index - 1] as Attribute
    if (before.type < attribute.type) break
    if (before.type === attribute.type && compareNames(core.fold(before.name), folded) <= 0) break
    index--
  }
  list.splice(index, 0, attribute)
  core.touch(inode)
}

function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Takes an attribute off a file and gives its clusters back. */
export function removeAttribute(core: Core, inode: Inode, attribute: Attribute): void {
  releaseRuns(core, attribute)
  const index = inode.attributes.indexOf(attribute)
  if (index >= 0) inode.attributes.splice(index, 1)
  core.touch(inode)
}
