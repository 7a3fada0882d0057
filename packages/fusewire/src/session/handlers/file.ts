import { FSYNC_FLAG } from '../../abi/gen/flags.js'
import * as abi from '../../abi/gen/structs.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'
import { count, data, lseek, nothing, open, writeCount, writeCount64 } from '../finish.js'
import { undoOpen } from '../undo.js'
import type { Fs, HandlerRow } from './row.js'

const READ_LOCKOWNER = 2

const openFile = (c: Call, fs: Fs): Result => {
  c.request.ioFlags = abi.openIn_openFlags(c.words, c.op)
  return fs.open(c.request, c.node, abi.openIn_flags(c.words, c.op), c.openOut())
}

const read = (c: Call, fs: Fs): Result => {
  const { words, op, request } = c
  request.fileFlags = abi.readIn_flags(words, op)
  request.ioFlags = abi.readIn_readFlags(words, op)
  if ((request.ioFlags & READ_LOCKOWNER) !== 0) {
    c.setLockOwner(abi.readIn_lockOwner_lo(words, op), abi.readIn_lockOwner_hi(words, op))
  }
  const size = abi.readIn_size(words, op)
  return fs.read(
    request,
    c.node,
    abi.readIn_fh(words, op),
    abi.readIn_offset(words, op),
    size,
    c.dataOut(size),
  )
}

const write = (c: Call, fs: Fs): Result => {
  const { words, op, request } = c
  request.fileFlags = abi.writeIn_flags(words, op)
  request.ioFlags = abi.writeIn_writeFlags(words, op)
  if ((request.ioFlags & READ_LOCKOWNER) !== 0) {
    c.setLockOwner(abi.writeIn_lockOwner_lo(words, op), abi.writeIn_lockOwner_hi(words, op))
  }
  return fs.write(request, c.node, abi.writeIn_fh(words, op), abi.writeIn_offset(words, op), c.payload())
}

const flush = (c: Call, fs: Fs): Result => {
  c.setLockOwner(abi.flushIn_lockOwner_lo(c.words, c.op), abi.flushIn_lockOwner_hi(c.words, c.op))
  return fs.flush(c.request, c.node, abi.flushIn_fh(c.words, c.op))
}

/** Fills the lesser fields that RELEASE and RELEASEDIR share. */
export function releaseFields(c: Call): number {
  c.request.fileFlags = abi.releaseIn_flags(c.words, c.op)
  c.request.ioFlags = abi.releaseIn_releaseFlags(c.words, c.op)
  c.setLockOwner(abi.releaseIn_lockOwner_lo(c.words, c.op), abi.releaseIn_lockOwner_hi(c.words, c.op))
  return abi.releaseIn_fh(c.words, c.op)
}

const release = (c: Call, fs: Fs): Result => fs.release(c.request, c.node, releaseFields(c))

export const isDatasync = (c: Call): boolean =>
  (abi.fsyncIn_fsyncFlags(c.words, c.op) & FSYNC_FLAG.FDATASYNC) !== 0

const fsync = (c: Call, fs: Fs): Result =>
  fs.fsync(c.request, c.node, abi.fsyncIn_fh(c.words, c.op), isDatasync(c))

const fallocate = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  const mode = abi.fallocateIn_mode(words, op)
  const length = abi.fallocateIn_length(words, op)
  return fs.fallocate(
    c.request,
    c.node,
    abi.fallocateIn_fh(words, op),
    abi.fallocateIn_offset(words, op),
    length,
    mode,
  )
}

const seek = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  const whence = abi.lseekIn_whence(words, op)
  return fs.lseek(c.request, c.node, abi.lseekIn_fh(words, op), abi.lseekIn_offset(words, op), whence)
}

const copyFileRange = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  return fs.copyFileRange(
    c.request,
    c.node,
    abi.copyFileRangeIn_fhIn(words, op),
    abi.copyFileRangeIn_offIn(words, op),
    abi.copyFileRangeIn_nodeidOut(words, op),
    abi.copyFileRangeIn_fhOut(words, op),
    abi.copyFileRangeIn_offOut(words, op),
    abi.copyFileRangeIn_len(words, op),
    abi.copyFileRangeIn_flags(words, op),
  )
}

const bmap = (c: Call, fs: Fs): Result =>
  fs.bmap(c.request, c.node, abi.bmapIn_block(c.words, c.op), abi.bmapIn_blocksize(c.words, c.op))

/** Open files and their bytes. */
export const FILE_ROWS = {
  OPEN: { method: 'open', run: openFile, finish: open, undo: undoOpen },
  READ: { method: 'read', run: read, finish: data },
  WRITE: { method: 'write', run: write, finish: writeCount },
  FLUSH: { method: 'flush', run: flush, finish: nothing },
  RELEASE: { method: 'release', run: release, finish: nothing },
  FSYNC: { method: 'fsync', run: fsync, finish: nothing },
  FALLOCATE: { method: 'fallocate', run: fallocate, finish: nothing },
  LSEEK: { method: 'lseek', run: seek, finish: lseek },
  COPY_FILE_RANGE: { method: 'copyFileRange', run: copyFileRange, finish: writeCount },
  COPY_FILE_RANGE_64: { method: 'copyFileRange', run: copyFileRange, finish: writeCount64 },
  BMAP: { method: 'bmap', run: bmap, finish: count },
} satisfies Record<string, HandlerRow>
