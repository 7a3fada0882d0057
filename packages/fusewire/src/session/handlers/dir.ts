import * as abi from '../../abi/gen/structs.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'
import { dir, dirPlus, nothing, open } from '../finish.js'
import { undoDirPlus, undoOpendir } from '../undo.js'
import { isDatasync, releaseFields } from './file.js'
import type { Fs, HandlerRow } from './row.js'

const opendir = (c: Call, fs: Fs): Result =>
  fs.opendir(c.request, c.node, abi.openIn_flags(c.words, c.op), c.openOut())

const readdir = (c: Call, fs: Fs): Result => {
  const out = c.dirOut(abi.readIn_size(c.words, c.op))
  return fs.readdir(c.request, c.node, abi.readIn_fh(c.words, c.op), abi.readIn_offset(c.words, c.op), out)
}

const readdirplus = (c: Call, fs: Fs): Result => {
  const out = c.dirPlusOut(abi.readIn_size(c.words, c.op))
  return fs.readdirplus(
    c.request,
    c.node,
    abi.readIn_fh(c.words, c.op),
    abi.readIn_offset(c.words, c.op),
    out,
  )
}

const releasedir = (c: Call, fs: Fs): Result => fs.releasedir(c.request, c.node, releaseFields(c))

const fsyncdir = (c: Call, fs: Fs): Result =>
  fs.fsyncdir(c.request, c.node, abi.fsyncIn_fh(c.words, c.op), isDatasync(c))

/** Open directories. */
export const DIR_ROWS = {
  OPENDIR: { method: 'opendir', run: opendir, finish: open, undo: undoOpendir },
  READDIR: { method: 'readdir', run: readdir, finish: dir },
  READDIRPLUS: { method: 'readdirplus', run: readdirplus, finish: dirPlus, undo: undoDirPlus },
  RELEASEDIR: { method: 'releasedir', run: releasedir, finish: nothing },
  FSYNCDIR: { method: 'fsyncdir', run: fsyncdir, finish: nothing },
} satisfies Record<string, HandlerRow>
