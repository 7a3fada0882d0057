import * as abi from '../abi/gen/structs.js'
import type { FileSystem } from '../api/filesystem.js'
import type { Call } from './call.js'

/*
 * A reply that the kernel never got (its caller was killed, the mount went away) gave the kernel nothing: neither a
 * reference on a node nor an open file. These take it back from the filesystem, so that counts stay exact.
 */

export function undoEntry(c: Call, fs: FileSystem): void {
  const node = c.entryOut_.nodeId
  if (node > 1) fs.forget?.(node, 1)
}

export function undoOpen(c: Call, fs: FileSystem): void {
  settle(fs.release?.(c.request, c.node, c.openOut_.handle))
}

export function undoOpendir(c: Call, fs: FileSystem): void {
  settle(fs.releasedir?.(c.request, c.node, c.openOut_.handle))
}

export function undoCreate(c: Call, fs: FileSystem): void {
  const node = c.entryOut_.nodeId
  settle(fs.release?.(c.request, node, abi.openOut_fh(c.replyWords, c.body + abi.ENTRY_OUT_WORDS)))
  undoEntry(c, fs)
}

export function undoDirPlus(c: Call, fs: FileSystem): void {
  const end = c.body + c.dirPlusLength / 4
  let at = c.body
  while (at < end) {
    const node = abi.entryOut_nodeid(c.replyWords, at)
    const dirent = at + abi.ENTRY_OUT_WORDS
    const length = abi.dirent_namelen(c.replyWords, dirent)
    if (node > 1 && !isDot(c, dirent, length)) fs.forget?.(node, 1)
    at = dirent + ((abi.DIRENT_SIZE + length + 7) >> 3) * 2
  }
}

/** "." and ".." never count as lookups. */
function isDot(c: Call, dirent: number, length: number): boolean {
  const name = (dirent + abi.DIRENT_SIZE / 4) * 4
  if (length > 2 || c.replyBytes[name] !== 0x2e) return false
  return length === 1 || c.replyBytes[name + 1] === 0x2e
}

/** The result of a release that nobody waits for; its error reaches nobody either, as with close(2). */
function settle(result: unknown): void {
  if (result instanceof Promise) result.catch(() => {})
}
