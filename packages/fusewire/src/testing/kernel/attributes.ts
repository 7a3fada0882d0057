import { GETATTR_FLAG } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { type Attr, invalidAttr, invalidStatx, readAttr, readStatx, STATX_ALL } from './attr.js'
import type { Caller } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'

/** An open file, as far as attributes need it. */
export interface HandleOf {
  readonly handle: number
}

/** Asks for attributes when the cached ones have expired; whether it asked. */
export async function refreshAttributes(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  file?: HandleOf,
): Promise<boolean> {
  if (inode.attrUntil > k.now) return false
  await getattr(k, caller, inode, file)
  return true
}

async function getattr(k: Kernel, caller: Caller, inode: Inode, file?: HandleOf): Promise<void> {
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => {
    if (file === undefined) return
    abi.setGetattrIn_getattrFlags(u, op, GETATTR_FLAG.FH)
    abi.setGetattrIn_fh(u, op, file.handle)
  }
  const { words, body } = await k.request(inode, { opcode: Op.GETATTR, fill, caller })
  const at = body + abi.ATTR_OUT_ATTR_WORD
  const attr = checked(k, inode, Op.GETATTR, invalidAttr(words, at), () => readAttr(words, at))
  const until = k.until(abi.attrOut_attrValid(words, body), abi.attrOut_attrValidNsec(words, body))
  k.changeAttributes(inode, attr, until, moment)
}

/** Refuses attributes that cannot be, or that make another kind of node of this one: it is bad from then on. */
export function checked(k: Kernel, inode: Inode, opcode: number, bad: string | null, read: () => Attr): Attr {
  if (bad === null) {
    const attr = read()
    if ((attr.mode & 0o170000) === (inode.attr.mode & 0o170000) || inode.attrVersion === 0) return attr
    bad = `the file type changed from 0${inode.attr.mode.toString(8)} to 0${attr.mode.toString(8)}`
  }
  if (inode !== k.root) k.makeBad(inode)
  throw k.invalid(opcode, inode.nodeid, bad)
}

/** Asks with STATX, which knows the time of birth. */
async function statx(k: Kernel, caller: Caller, inode: Inode, file?: HandleOf): Promise<boolean> {
  const moment = k.attrMoment()
  const fill = (u: Uint32Array, op: number): void => {
    abi.setStatxIn_sxMask(u, op, STATX_ALL)
    if (file === undefined) return
    abi.setStatxIn_getattrFlags(u, op, GETATTR_FLAG.FH)
    abi.setStatxIn_fh(u, op, file.handle)
  }
  const reply = await k.optional(inode, { opcode: Op.STATX, fill, caller })
  if (reply === undefined) return false
  const { words, body } = reply
  const at = body + abi.STATX_OUT_STAT_WORD
  let btime: bigint | undefined
  const attr = checked(k, inode, Op.STATX, invalidStatx(words, at), () => {
    const read = readStatx(words, at)
    btime = read.btime
    return read.attr
  })
  const until = k.until(abi.statxOut_attrValid(words, body), abi.statxOut_attrValidNsec(words, body))
  k.changeAttributes(inode, attr, until, moment)
  inode.btime = btime ?? null
  return true
}

/** stat(2), as statx(2) with all fields: `fuse_update_get_attr`. */
export async function stat(k: Kernel, caller: Caller, inode: Inode, file?: HandleOf): Promise<void> {
  if (inode.bad) throw fail('EIO')
  const wantsBirth = inode.btime === null && !k.missing.has(Op.STATX)
  if (inode.staleStat) inode.expire()
  if (inode.attrUntil > k.now && !wantsBirth) return
  if (!k.missing.has(Op.STATX) && (await statx(k, caller, inode, file))) return
  await refreshAttributes(k, caller, inode, file)
}
