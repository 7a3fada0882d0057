import * as abi from '../../abi/gen/structs.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'
import { checkedCreate, checkedEntry, checkedLookup, nothing } from '../finish.js'
import { undoCreate, undoEntry } from '../undo.js'
import type { Fs, HandlerRow } from './row.js'

const lookup = (c: Call, fs: Fs): Result => fs.lookup(c.request, c.node, c.name1, c.entryOut())

const mknod = (c: Call, fs: Fs): Result => {
  c.request.umask = abi.mknodIn_umask(c.words, c.op)
  const mode = abi.mknodIn_mode(c.words, c.op)
  return fs.mknod(c.request, c.node, c.name1, mode, abi.mknodIn_rdev(c.words, c.op), c.entryOut())
}

const mkdir = (c: Call, fs: Fs): Result => {
  c.request.umask = abi.mkdirIn_umask(c.words, c.op)
  return fs.mkdir(c.request, c.node, c.name1, abi.mkdirIn_mode(c.words, c.op), c.entryOut())
}

const symlink = (c: Call, fs: Fs): Result => fs.symlink(c.request, c.node, c.name1, c.name2, c.entryOut())

const link = (c: Call, fs: Fs): Result =>
  fs.link(c.request, abi.linkIn_oldnodeid(c.words, c.op), c.node, c.name1, c.entryOut())

const create = (c: Call, fs: Fs): Result => {
  c.request.umask = abi.createIn_umask(c.words, c.op)
  const mode = abi.createIn_mode(c.words, c.op)
  c.request.ioFlags = abi.createIn_openFlags(c.words, c.op)
  return fs.create(c.request, c.node, c.name1, mode, abi.createIn_flags(c.words, c.op), c.createOut())
}

const tmpfile = (c: Call, fs: Fs): Result => {
  c.request.umask = abi.createIn_umask(c.words, c.op)
  const mode = abi.createIn_mode(c.words, c.op)
  return fs.tmpfile(c.request, c.node, mode, abi.createIn_flags(c.words, c.op), c.createOut())
}

const unlink = (c: Call, fs: Fs): Result => fs.unlink(c.request, c.node, c.name1)
const rmdir = (c: Call, fs: Fs): Result => fs.rmdir(c.request, c.node, c.name1)

const rename = (c: Call, fs: Fs): Result =>
  fs.rename(c.request, c.node, c.name1, abi.renameIn_newdir(c.words, c.op), c.name2, 0)

const rename2 = (c: Call, fs: Fs): Result => {
  const flags = abi.rename2In_flags(c.words, c.op)
  return fs.rename(c.request, c.node, c.name1, abi.rename2In_newdir(c.words, c.op), c.name2, flags)
}

/** Names: what finds, makes, moves and removes directory entries. */
export const ENTRY_ROWS = {
  LOOKUP: { method: 'lookup', run: lookup, finish: checkedLookup, undo: undoEntry },
  MKNOD: { method: 'mknod', run: mknod, finish: checkedEntry, undo: undoEntry },
  MKDIR: { method: 'mkdir', run: mkdir, finish: checkedEntry, undo: undoEntry },
  SYMLINK: { method: 'symlink', run: symlink, finish: checkedEntry, undo: undoEntry },
  LINK: { method: 'link', run: link, finish: checkedEntry, undo: undoEntry },
  CREATE: { method: 'create', run: create, finish: checkedCreate, undo: undoCreate },
  TMPFILE: { method: 'tmpfile', run: tmpfile, finish: checkedCreate, undo: undoCreate },
  UNLINK: { method: 'unlink', run: unlink, finish: nothing },
  RMDIR: { method: 'rmdir', run: rmdir, finish: nothing },
  RENAME: { method: 'rename', run: rename, finish: nothing },
  RENAME2: { method: 'rename', run: rename2, finish: nothing },
} satisfies Record<string, HandlerRow>
