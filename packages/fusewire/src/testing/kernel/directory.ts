import { DirentReader } from '../../abi/dirent.js'
import { FOPEN } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { invalidAttr } from './attr.js'
import { refreshAttributes } from './attributes.js'
import type { Reply } from './channel.js'
import { fail } from './errors.js'
import type { CachedListing, DirectoryEntry, Inode } from './inode.js'
import type { Kernel } from './kernel.js'
import type { OpenFile } from './open.js'

/** Where a listing stands. */
export interface ListPosition {
  next: readonly [number, number]
  /** Entries taken out of the kernel's cache so far. */
  cached: number
  ended: boolean
}

export const listStart = (): ListPosition => ({ next: [0, 0], cached: 0, ended: false })

/** getdents(2): the entries of one buffer, "." and ".." included; none at the end. */
export async function readEntries(
  k: Kernel,
  file: OpenFile,
  position: ListPosition,
): Promise<DirectoryEntry[]> {
  const { inode } = file
  if (!inode.isDirectory) throw fail('ENOTDIR')
  const release = await inode.lock.take(!k.has('PARALLEL_DIROPS'))
  try {
    const atStart = position.next[0] === 0 && position.next[1] === 0
    const listing = (file.modes & FOPEN.CACHE_DIR) === 0 ? null : await usable(k, file, atStart)
    if (listing?.complete && (atStart || position.cached > 0)) {
      const entries = listing.entries.slice(position.cached, position.cached + CACHED_AT_ONCE)
      position.cached += entries.length
      position.next = entries.at(-1)?.next ?? position.next
      return entries
    }
    const entries = await ask(k, file, position, atStart)
    if (listing !== null && !listing.complete) remember(listing, entries, position, atStart)
    position.next = entries.at(-1)?.next ?? position.next
    return entries
  } finally {
    release()
  }
}

const CACHED_AT_ONCE = 256

/** The cached listing, fresh and empty when there is none or the directory has changed. */
async function usable(k: Kernel, file: OpenFile, atStart: boolean): Promise<CachedListing | null> {
  const { inode } = file
  if (!atStart) return inode.listing
  if (k.has('AUTO_INVAL_DATA')) await refreshAttributes(k, file.caller, inode)
  const { listing } = inode
  if (listing !== null && listing.version === inode.version && listing.mtime === inode.attr.mtime)
    return listing
  inode.listing = { entries: [], complete: false, mtime: inode.attr.mtime, version: inode.version }
  return inode.listing
}

/** Keeps what was read as long as the reads follow each other. */
function remember(
  listing: CachedListing,
  entries: readonly DirectoryEntry[],
  position: ListPosition,
  atStart: boolean,
): void {
  const last = listing.entries.at(-1)
  const follows = atStart
    ? listing.entries.length === 0
    : last !== undefined && last.next[0] === position.next[0] && last.next[1] === position.next[1]
  if (!follows) return
  listing.entries.push(...entries)
  if (entries.length === 0) listing.complete = true
}

async function ask(
  k: Kernel,
  file: OpenFile,
  position: ListPosition,
  atStart: boolean,
): Promise<DirectoryEntry[]> {
  const { inode } = file
  const auto = k.has('READDIRPLUS_AUTO') && !atStart && !inode.advisePlus
  const plus = k.has('DO_READDIRPLUS') && !auto
  inode.advisePlus = false
  const fill = (u: Uint32Array, op: number): void => {
    abi.setReadIn_fh(u, op, file.handle)
    abi.setReadIn_offsetWords(u, op, ...position.next)
    abi.setReadIn_size(u, op, Math.min(k.settings.readdirSize, k.agreed.maxRead))
    abi.setReadIn_flags(u, op, file.flags)
  }
  const moment = k.attrMoment()
  const opcode = plus ? Op.READDIRPLUS : Op.READDIR
  const reply = await k.request(inode, { opcode, fill, caller: file.caller })
  inode.staleStat = true
  return parse(k, inode, reply, plus, moment)
}

function parse(k: Kernel, inode: Inode, reply: Reply, plus: boolean, moment: number): DirectoryEntry[] {
  const { words, bytes, body, length } = reply
  const reader = new DirentReader()
  reader.reset(words, bytes, body, length, plus, k.agreed.nameMax)
  const entries: DirectoryEntry[] = []
  const positions = new Set<number>()
  const opcode = plus ? Op.READDIRPLUS : Op.READDIR
  for (;;) {
    const more = reader.next()
    if (more === 0) break
    if (more < 0) throw k.invalid(opcode, inode.nodeid, 'a name is empty, too long or has "/"')
    const name = bytes.toString('latin1', reader.name, reader.name + reader.nameLength)
    const next: [number, number] = [
      abi.dirent_off_lo(words, reader.dirent),
      abi.dirent_off_hi(words, reader.dirent),
    ]
    const high = BigInt(abi.dirent_ino_hi(words, reader.dirent))
    const ino = (high << 32n) | BigInt(abi.dirent_ino_lo(words, reader.dirent))
    checkPosition(k, inode, opcode, name, next, positions)
    entries.push({ name, ino, type: reader.type, next })
    if (plus) takePlus(k, inode, name, reply, reader.entry, moment)
  }
  if (entries.length === 0 && length > 0) {
    throw k.invalid(opcode, inode.nodeid, `${length} bytes of records hold not one whole entry`)
  }
  return entries
}

/** A position of 0 starts again, and one that comes twice loses what lies between. */
function checkPosition(
  k: Kernel,
  inode: Inode,
  opcode: number,
  name: string,
  [low, high]: readonly [number, number],
  before: Set<number>,
): void {
  const position = high * 0x1_0000_0000 + low
  if (position === 0) {
    throw k.invalid(
      opcode,
      inode.nodeid,
      `the position behind ${JSON.stringify(name)} is 0: the listing would start again`,
    )
  }
  // Above 2^53 two positions may look the same.
  if (before.has(position) && high < 0x20_0000) {
    throw k.invalid(opcode, inode.nodeid, `two entries have the position of ${JSON.stringify(name)}`)
  }
  before.add(position)
}

/** `fuse_direntplus_link`: a record with a node is a lookup. */
function takePlus(k: Kernel, directory: Inode, name: string, reply: Reply, at: number, moment: number): void {
  if (abi.entryOut_nodeid(reply.words, at) === 0 || name === '.' || name === '..') return
  const bad = invalidAttr(reply.words, at + abi.ENTRY_OUT_ATTR_WORD)
  if (bad !== null) throw k.invalid(Op.READDIRPLUS, directory.nodeid, `${JSON.stringify(name)}: ${bad}`)
  const { inode, until } = k.takeEntry(Op.READDIRPLUS, directory, reply, at, moment)
  const known = directory.children.get(name)
  if (known?.inode === inode) {
    known.until = until
    known.epoch = k.epoch
    return
  }
  k.connect(directory, name, inode, until)
}
