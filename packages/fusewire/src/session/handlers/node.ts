import { GETATTR_FLAG } from '../../abi/gen/flags.js'
import * as abi from '../../abi/gen/structs.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'
import { attr, data, nothing, statfs as statfsDone, statx as statxDone, xattr } from '../finish.js'
import type { Fs, HandlerRow } from './row.js'

/** PATH_MAX - 1: the longest link target that the kernel takes. */
const TARGET_MAX = 4095
/** XATTR_SIZE_MAX and XATTR_LIST_MAX of the kernel. */
const XATTR_MAX = 65536

const handleOf = (flags: number, handle: number): number | undefined =>
  (flags & GETATTR_FLAG.FH) === 0 ? undefined : handle

const getattr = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  const handle = handleOf(abi.getattrIn_getattrFlags(words, op), abi.getattrIn_fh(words, op))
  return fs.getattr(c.request, c.node, handle, c.attrOut())
}

const setattr = (c: Call, fs: Fs): Result => {
  if ((abi.setattrIn_valid(c.words, c.op) & 0x200) !== 0) {
    c.setLockOwner(abi.setattrIn_lockOwner_lo(c.words, c.op), abi.setattrIn_lockOwner_hi(c.words, c.op))
  }
  return fs.setattr(c.request, c.node, c.setattrIn, c.attrOut())
}

const readlink = (c: Call, fs: Fs): Result => fs.readlink(c.request, c.node, c.dataOut(TARGET_MAX))

const statfs = (c: Call, fs: Fs): Result => fs.statfs(c.request, c.node, c.statfsOut())

const syncfs = (c: Call, fs: Fs): Result => fs.syncfs(c.request, c.node)

const access = (c: Call, fs: Fs): Result => fs.access(c.request, c.node, abi.accessIn_mask(c.words, c.op))

const statx = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  const handle = handleOf(abi.statxIn_getattrFlags(words, op), abi.statxIn_fh(words, op))
  const mask = abi.statxIn_sxMask(words, op)
  return fs.statx(c.request, c.node, handle, mask, abi.statxIn_sxFlags(words, op), c.statxOut())
}

const setxattr = (c: Call, fs: Fs): Result => {
  const { words, op } = c
  if (c.frame.inSize >= abi.SETXATTR_IN_SIZE) c.request.ioFlags = abi.setxattrIn_setxattrFlags(words, op)
  return fs.setxattr(c.request, c.node, c.name1, c.payload(), abi.setxattrIn_flags(words, op))
}

const getxattr = (c: Call, fs: Fs): Result =>
  fs.getxattr(c.request, c.node, c.name1, abi.getxattrIn_size(c.words, c.op), c.dataOut(XATTR_MAX))

const listxattr = (c: Call, fs: Fs): Result =>
  fs.listxattr(c.request, c.node, abi.getxattrIn_size(c.words, c.op), c.dataOut(XATTR_MAX))

const removexattr = (c: Call, fs: Fs): Result => fs.removexattr(c.request, c.node, c.name1)

/** What a node is: attributes, link target, extended attributes, the filesystem as a whole. */
export const NODE_ROWS = {
  GETATTR: { method: 'getattr', run: getattr, finish: attr },
  SETATTR: { method: 'setattr', run: setattr, finish: attr },
  READLINK: { method: 'readlink', run: readlink, finish: data },
  STATFS: { method: 'statfs', run: statfs, finish: statfsDone },
  SYNCFS: { method: 'syncfs', run: syncfs, finish: nothing },
  ACCESS: { method: 'access', run: access, finish: nothing },
  STATX: { method: 'statx', run: statx, finish: statxDone },
  SETXATTR: { method: 'setxattr', run: setxattr, finish: nothing },
  GETXATTR: { method: 'getxattr', run: getxattr, finish: xattr },
  LISTXATTR: { method: 'listxattr', run: listxattr, finish: xattr },
  REMOVEXATTR: { method: 'removexattr', run: removexattr, finish: nothing },
} satisfies Record<string, HandlerRow>
