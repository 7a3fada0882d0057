import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import type { Caller } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'

/** Bytes of a value and of the list of names (XATTR_SIZE_MAX, XATTR_LIST_MAX of linux/limits.h). */
const SIZE_MAX = 65536
/** Bytes of a name (XATTR_NAME_MAX). */
const NAME_MAX = 255
/** Bytes of `fuse_setxattr_in` before SETXATTR_EXT. */
const SHORT_SETXATTR = 8

const checkName = (name: string): void => {
  if (name === '' || name.length > NAME_MAX) throw fail('ERANGE')
  if (!/^(user|trusted|security|system)\../s.test(name)) throw fail('EOPNOTSUPP')
}

/** getxattr(2): asks for the size, then for the value. */
export async function getXattr(k: Kernel, caller: Caller, inode: Inode, name: string): Promise<Buffer> {
  checkName(name)
  return read(k, caller, inode, Op.GETXATTR, [name])
}

/** listxattr(2): the names. */
export async function listXattr(k: Kernel, caller: Caller, inode: Inode): Promise<string[]> {
  if (k.missing.has(Op.LISTXATTR)) throw fail('EOPNOTSUPP')
  const list = (await read(k, caller, inode, Op.LISTXATTR, [])).toString('latin1')
  if (list === '') return []
  if (!list.endsWith('\0') || /^\0|\0\0/.test(list)) {
    throw k.invalid(Op.LISTXATTR, inode.nodeid, 'the list has an empty name or does not end with NUL')
  }
  return list.slice(0, -1).split('\0')
}

async function read(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  opcode: number,
  names: string[],
): Promise<Buffer> {
  const ask = async (size: number) => {
    const fill = (u: Uint32Array, op: number): void => abi.setGetxattrIn_size(u, op, size)
    const reply = await k.optional(inode, { opcode, names, fill, caller })
    if (reply === undefined) throw fail('EOPNOTSUPP')
    return reply
  }
  const length = await ask(0)
  const size = abi.getxattrOut_size(length.words, length.body)
  if (size === 0) return Buffer.alloc(0)
  if (size > SIZE_MAX) throw fail('E2BIG')
  const { bytes, body, length: got } = await ask(size)
  return Buffer.from(bytes.subarray(body * 4, body * 4 + got))
}

/** setxattr(2). `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
export async function setXattr(
  k: Kernel,
  caller: Caller,
  inode: Inode,
  name: string,
  value: Uint8Array,
  flags: number,
): Promise<void> {
  checkName(name)
  if (value.length > SIZE_MAX) throw fail('E2BIG')
  const fill = (u: Uint32Array, op: number): void => {
    abi.setSetxattrIn_size(u, op, value.length)
    abi.setSetxattrIn_flags(u, op, flags)
  }
  const inSize = k.has('SETXATTR_EXT') ? abi.SETXATTR_IN_SIZE : SHORT_SETXATTR
  const reply = await k.optional(inode, {
    opcode: Op.SETXATTR,
    names: [name],
    fill,
    inSize,
    payload: value,
    caller,
  })
  inode.expire()
  if (reply === undefined) throw fail('EOPNOTSUPP')
}

/** removexattr(2). */
export async function removeXattr(k: Kernel, caller: Caller, inode: Inode, name: string): Promise<void> {
  checkName(name)
  const reply = await k.optional(inode, { opcode: Op.REMOVEXATTR, names: [name], caller })
  inode.expire()
  if (reply === undefined) throw fail('EOPNOTSUPP')
}
