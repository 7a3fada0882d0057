import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import type { Caller } from './caller.js'
import { fail, SystemError } from './errors.js'
import type { Dentry, Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import { readLink } from './link.js'
import { mayEnter } from './permission.js'

/** Links followed in one walk (MAXSYMLINKS of linux/namei.h). */
const LINKS_MAX = 40
/** Bytes of a path with its NUL (PATH_MAX of linux/limits.h). */
const PATH_MAX = 4096

/** The end of a walk: the directory, and the last component where it was not walked. */
export interface Parent {
  readonly directory: Inode
  /** Empty when the path ends in "/", "." or "..": then `directory` is where it leads. */
  readonly name: string
  /** The path ended in "/": what it names must be a directory. */
  readonly slash: boolean
  /** How the path ended when `name` is empty: "", "." or "..". */
  readonly last: '' | '.' | '..'
}

/** Finds a name in a directory: cached, revalidated, or asked for. Null is its absence. */
export async function lookup(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  fresh = false,
): Promise<Inode | null> {
  const release = await directory.lock.take(!k.has('PARALLEL_DIROPS'))
  try {
    return await lookupLocked(k, caller, directory, name, fresh)
  } finally {
    release()
  }
}

/** As `lookup`, for who holds the directory's lock. `fresh`: the name is about to be changed, so ask in any case. */
export async function lookupLocked(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  fresh = false,
): Promise<Inode | null> {
  const cached = directory.children.get(name)
  if (cached !== undefined) {
    if (await revalidate(k, caller, directory, cached, fresh)) return cached.inode
    if (directory.children.get(name) === cached) k.drop(cached)
  }
  return ask(k, caller, directory, name)
}

/** `fuse_dentry_revalidate`: whether a cached name still holds. */
async function revalidate(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  dentry: Dentry,
  fresh: boolean,
): Promise<boolean> {
  const { inode } = dentry
  if (inode?.bad || dentry.epoch < k.epoch) return false
  if (dentry.until > k.now && !fresh) {
    if (inode !== null) directory.advisePlus = true
    return true
  }
  if (inode === null) return false
  const moment = k.attrMoment()
  let entry: Awaited<ReturnType<typeof send>>
  try {
    entry = await send(k, caller, directory, dentry.name, moment)
  } catch (thrown) {
    if (thrown instanceof SystemError && (thrown.code === 'EINTR' || thrown.code === 'ENOMEM')) throw thrown
    return false
  }
  if (entry.inode === null) return false
  if (entry.inode !== inode) {
    // The reference is given back; the name is asked for once more.
    entry.inode.lookups--
    k.forget(entry.inode.nodeid, 1)
    k.release(entry.inode)
    return false
  }
  dentry.until = entry.until
  dentry.epoch = k.epoch
  return true
}

async function send(
  k: Kernel,
  caller: Caller,
  directory: Inode,
  name: string,
  moment: number,
): Promise<{ inode: Inode | null; until: number }> {
  const reply = await k.request(directory, { opcode: Op.LOOKUP, names: [name], caller })
  const { words, body } = reply
  if (abi.entryOut_nodeid(words, body) === 0) {
    const until = k.until(abi.entryOut_entryValid(words, body), abi.entryOut_entryValidNsec(words, body))
    return { inode: null, until }
  }
  return k.takeEntry(Op.LOOKUP, directory, reply, body, moment)
}

async function ask(k: Kernel, caller: Caller, directory: Inode, name: string): Promise<Inode | null> {
  if (name.length > k.agreed.nameMax) throw fail('ENAMETOOLONG')
  try {
    const { inode, until } = await send(k, caller, directory, name, k.attrMoment())
    k.connect(directory, name, inode, until)
    return inode
  } catch (thrown) {
    if (thrown instanceof SystemError && thrown.code === 'ENOENT') return null
    throw thrown
  }
}

/** One path_walk: counts the links it followed. */
class Walk {
  readonly #k: Kernel
  readonly #caller: Caller
  #links = 0

  constructor(k: Kernel, caller: Caller) {
    this.#k = k
    this.#caller = caller
  }

  async to(start: Inode, path: string, followLast: boolean): Promise<Inode> {
    const parent = await this.parent(start, path)
    if (parent.name === '') return parent.directory
    const found = await this.step(parent.directory, parent.name, followLast || parent.slash)
    if (found === null) throw fail('ENOENT')
    if (parent.slash && !found.isDirectory) throw fail('ENOTDIR')
    return found
  }

  async parent(start: Inode, path: string): Promise<Parent> {
    if (path === '') throw fail('ENOENT')
    if (path.length >= PATH_MAX) throw fail('ENAMETOOLONG')
    const words = path.split('/').filter((word) => word !== '')
    const slash = path.endsWith('/')
    let directory = path.startsWith('/') ? this.#k.root : start
    const last = words.pop()
    for (const word of words) directory = await this.#into(directory, word)
    if (last === undefined || last === '.' || last === '..') {
      if (last !== undefined) directory = await this.#into(directory, last)
      return { directory, name: '', slash, last: last ?? '' }
    }
    await mayEnter(this.#k, this.#caller, directory)
    return { directory, name: last, slash, last: '' }
  }

  async #into(directory: Inode, word: string): Promise<Inode> {
    await mayEnter(this.#k, this.#caller, directory)
    if (word === '.') return directory
    if (word === '..') return [...directory.aliases][0]?.parent ?? this.#k.root
    const found = await this.step(directory, word, true)
    if (found === null) throw fail('ENOENT')
    if (!found.isDirectory) throw fail('ENOTDIR')
    return found
  }

  async step(directory: Inode, name: string, follow: boolean): Promise<Inode | null> {
    const found = await lookup(this.#k, this.#caller, directory, name)
    if (found === null || !found.isLink || !follow) return found
    if (++this.#links > LINKS_MAX) throw fail('ELOOP')
    const target = await readLink(this.#k, this.#caller, found)
    return this.to(directory, target, true)
  }
}

/** Where a path leads. A last component that is a link is followed when `follow` says so. */
export const walk = (k: Kernel, caller: Caller, path: string, follow: boolean): Promise<Inode> =>
  new Walk(k, caller).to(k.root, path, follow)

/** The directory of a path and its last component, which is not looked up. */
export const walkToParent = (k: Kernel, caller: Caller, path: string): Promise<Parent> =>
  new Walk(k, caller).parent(k.root, path)

/**
 * open(2) with O_CREAT: follows links at the end as long as they lead somewhere, and gives the place of the name that
 * does not exist, or the node that does.
 */
export async function walkToCreate(
  k: Kernel,
  caller: Caller,
  path: string,
  follow: boolean,
): Promise<{ parent: Parent; inode: Inode | null }> {
  const steps = new Walk(k, caller)
  let parent = await steps.parent(k.root, path)
  for (let links = 0; ; links++) {
    if (parent.name === '' || parent.slash) return { parent, inode: null }
    const inode = await steps.step(parent.directory, parent.name, false)
    if (inode === null || !inode.isLink || !follow) return { parent, inode }
    if (links >= LINKS_MAX) throw fail('ELOOP')
    parent = await steps.parent(parent.directory, await readLink(k, caller, inode))
  }
}
