import { Op } from '../../abi/gen/opcodes.js'
import type { Caller } from './caller.js'
import { fail } from './errors.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'

/** The target of a symbolic link, as bytes. */
export async function readLink(k: Kernel, caller: Caller, inode: Inode): Promise<string> {
  if (inode.target !== null) return inode.target
  const reply = await k.request(inode, { opcode: Op.READLINK, caller })
  const target = reply.bytes.toString('latin1', reply.body * 4, reply.body * 4 + reply.length)
  if (target === '') throw fail('ENOENT', 'the link has an empty target')
  if (k.has('CACHE_SYMLINKS')) inode.target = target
  return target
}
