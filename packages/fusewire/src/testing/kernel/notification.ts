import { errno } from '../../abi/errno.js'
import { NOTIFY_INVAL_ENTRY_FLAG, NotifyCode } from '../../abi/gen/flags.js'
import { Op } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { OUT_HEADER_BYTES } from '../../transport/slot.js'
import type { Inode } from './inode.js'
import type { Kernel } from './kernel.js'

/** Word of a notification's body. */
const BODY = OUT_HEADER_BYTES / 4

/** One notification: its words, bytes and the body's length. */
interface Message {
  readonly words: Uint32Array
  readonly bytes: Buffer
  readonly length: number
}

type Handler = (k: Kernel, message: Message) => number | Promise<number>

/** What the kernel does with each message; the result is write(2)'s, 0 or a negative errno. */
const HANDLERS: Readonly<Record<number, Handler>> = {
  [NotifyCode.POLL]: pollWakeup,
  [NotifyCode.INVAL_INODE]: invalInode,
  [NotifyCode.INVAL_ENTRY]: invalEntry,
  [NotifyCode.DELETE]: deleteEntry,
  [NotifyCode.STORE]: store,
  [NotifyCode.RETRIEVE]: retrieve,
  [NotifyCode.RESEND]: (k) => {
    k.channel.resend()
    return 0
  },
  [NotifyCode.INC_EPOCH]: (k) => {
    k.epoch++
    return 0
  },
  [NotifyCode.PRUNE]: prune,
}

/** Takes a notification as `fuse_notify` does. */
export function takeNotification(k: Kernel, bytes: Buffer): number | Promise<number> {
  const memory = new Uint32Array(Math.max(16, (bytes.length + 7) >> 2))
  const copy = Buffer.from(memory.buffer)
  copy.set(bytes)
  const code = memory[1]!
  const handler = HANDLERS[code]
  const result =
    bytes.length < OUT_HEADER_BYTES || memory[0] !== bytes.length || handler === undefined
      ? -errno.EINVAL
      : handler(k, { words: memory, bytes: copy, length: bytes.length - OUT_HEADER_BYTES })
  if (result === -errno.EINVAL) k.channel.violation(`notification ${code}`, 0, 'the message is malformed')
  return result
}

function pollWakeup(k: Kernel, { words, length }: Message): number {
  if (length !== abi.NOTIFY_POLL_WAKEUP_OUT_SIZE) return -errno.EINVAL
  const kh = abi.notifyPollWakeupOut_kh_lo(words, BODY)
  k.pollers.get(kh)?.()
  return 0
}

function invalInode(k: Kernel, { words, length }: Message): number {
  if (length !== abi.NOTIFY_INVAL_INODE_OUT_SIZE) return -errno.EINVAL
  const inode = k.inodes.get(abi.notifyInvalInodeOut_ino(words, BODY))
  if (inode === undefined) return -errno.ENOENT
  k.attributesChanged(inode)
  inode.expire()
  inode.listing = null
  inode.target = null
  const offset = abi.notifyInvalInodeOut_off(words, BODY)
  const bytes = abi.notifyInvalInodeOut_len(words, BODY)
  if (offset >= 0) inode.pages.drop(offset, bytes <= 0 ? Number.POSITIVE_INFINITY : offset + bytes)
  return 0
}

/** The name behind a struct of `size` bytes, with its NUL; null when the message is not that. */
function nameOf({ bytes, length }: Message, size: number, namelen: number): string | null {
  if (length !== size + namelen + 1 || namelen === 0) return null
  const start = OUT_HEADER_BYTES + size
  return bytes[start + namelen] === 0 ? bytes.toString('latin1', start, start + namelen) : null
}

function invalEntry(k: Kernel, message: Message): number | Promise<number> {
  const { words } = message
  const namelen = abi.notifyInvalEntryOut_namelen(words, BODY)
  if (namelen > k.agreed.nameMax) return -errno.ENAMETOOLONG
  const name = nameOf(message, abi.NOTIFY_INVAL_ENTRY_OUT_SIZE, namelen)
  if (name === null) return -errno.EINVAL
  const flags = abi.notifyInvalEntryOut_flags(words, BODY)
  const parent = k.inodes.get(abi.notifyInvalEntryOut_parent(words, BODY))
  return dropName(k, parent, name, null, (flags & NOTIFY_INVAL_ENTRY_FLAG.EXPIRE_ONLY) !== 0)
}

function deleteEntry(k: Kernel, message: Message): number | Promise<number> {
  const { words } = message
  const namelen = abi.notifyDeleteOut_namelen(words, BODY)
  if (namelen > k.agreed.nameMax) return -errno.ENAMETOOLONG
  const name = nameOf(message, abi.NOTIFY_DELETE_OUT_SIZE, namelen)
  if (name === null) return -errno.EINVAL
  const parent = k.inodes.get(abi.notifyDeleteOut_parent(words, BODY))
  return dropName(k, parent, name, abi.notifyDeleteOut_child(words, BODY), false)
}

/** Waits for the directory's lock, as the kernel's `fuse_reverse_inval_entry`. */
async function dropName(
  k: Kernel,
  parent: Inode | undefined,
  name: string,
  child: number | null,
  expireOnly: boolean,
): Promise<number> {
  if (parent === undefined) return -errno.ENOENT
  if (!parent.isDirectory) return -errno.ENOTDIR
  return parent.lock.exclusive(async () => {
    const dentry = parent.children.get(name)
    if (dentry === undefined) return -errno.ENOENT
    parent.version++
    parent.expire()
    if (child !== null && dentry.inode?.nodeid !== child) return -errno.ENOENT
    if (expireOnly) dentry.until = Number.NEGATIVE_INFINITY
    else {
      k.drop(dentry)
      k.flushForgets()
    }
    return 0
  })
}

function store(k: Kernel, { words, bytes, length }: Message): number {
  const size = abi.notifyStoreOut_size(words, BODY)
  if (length !== abi.NOTIFY_STORE_OUT_SIZE + size) return -errno.EINVAL
  const inode = k.inodes.get(abi.notifyStoreOut_nodeid(words, BODY))
  if (inode === undefined) return -errno.ENOENT
  if (!inode.isFile) return -errno.EINVAL
  const offset = abi.notifyStoreOut_offset(words, BODY)
  const start = OUT_HEADER_BYTES + abi.NOTIFY_STORE_OUT_SIZE
  const end = offset + size
  if (end > inode.attr.size) inode.attr = { ...inode.attr, size: end }
  inode.pages.write(offset, bytes.subarray(start, start + size), inode.attr.size)
  return 0
}

function retrieve(k: Kernel, { words, length }: Message): number {
  if (length !== abi.NOTIFY_RETRIEVE_OUT_SIZE) return -errno.EINVAL
  const nodeid = abi.notifyRetrieveOut_nodeid(words, BODY)
  const inode = k.inodes.get(nodeid)
  if (inode === undefined) return -errno.ENOENT
  const offset = abi.notifyRetrieveOut_offset(words, BODY)
  const asked = Math.min(abi.notifyRetrieveOut_size(words, BODY), k.agreed.maxWrite)
  const inFile = Math.max(0, Math.min(asked, inode.attr.size - offset))
  const count = inode.pages.contiguous(offset, inFile)
  const data = Buffer.alloc(count)
  inode.pages.read(offset, data)
  const unique = abi.notifyRetrieveOut_notifyUnique_lo(words, BODY)
  k.channel.post(
    {
      opcode: Op.NOTIFY_REPLY,
      node: nodeid,
      fill: (u, op) => {
        abi.setNotifyRetrieveIn_offset(u, op, offset)
        abi.setNotifyRetrieveIn_size(u, op, count)
      },
      payload: data,
    },
    unique,
  )
  return 0
}

function prune(k: Kernel, { words, length }: Message): number {
  const count = abi.notifyPruneOut_count(words, BODY)
  if (length !== abi.NOTIFY_PRUNE_OUT_SIZE + count * 8) return -errno.EINVAL
  const first = BODY + abi.NOTIFY_PRUNE_OUT_SIZE / 4
  for (let i = 0; i < count; i++) {
    const inode = k.inodes.get(words[first + 2 * i]! + words[first + 2 * i + 1]! * 0x1_0000_0000)
    if (inode === undefined || inode.opens > 0 || inode.children.size > 0) continue
    for (const dentry of [...inode.aliases]) k.drop(dentry)
  }
  k.flushForgets()
  return 0
}
