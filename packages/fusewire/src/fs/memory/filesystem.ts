import type { InitRequest, Negotiated, PollHandle } from '../../api/connection.js'
import type { DataOut } from '../../api/data-out.js'
import type { DirOut, DirPlusOut } from '../../api/dir-out.js'
import { errno } from '../../api/errors.js'
import type { CreateOut, Lock, LockOut, OpenOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { FOPEN, O, OPEN_FLAG, S, WRITE_FLAG } from '../common/constants.js'
import { createNode, makeNode } from './create.js'
import type { Inode } from './inode.js'
import * as io from './io.js'
import { list, listPlus } from './list.js'
import * as lockCalls from './lock-calls.js'
import { negotiate } from './negotiate.js'
import { MemoryNodes } from './nodes.js'
import { type MemoryOptions, settingsOf } from './options.js'
import { killSetId } from './set-id.js'

/** What a memory filesystem holds at the moment. */
export interface MemoryUsage {
  readonly inodes: number
  /** Bytes, in whole blocks. */
  readonly bytes: number
  /** References that the kernel holds, all nodes together. */
  readonly lookups: number
  /** Open files that the kernel holds. */
  readonly opens: number
}

/**
 * A complete POSIX filesystem in memory. Names and link targets are bytes (`latin1` strings). Permissions are the
 * kernel's work: the mount negotiates POSIX_ACL, with which the kernel checks modes and ACLs by itself. What is in it
 * outlives the mount, so the same object can be mounted again.
 */
export class MemoryFileSystem extends MemoryNodes {
  #lastHandle = 0
  /** Open files and directories need no handle: the kernel sends neither OPEN nor RELEASE once told so. */
  #stateless = false
  #statelessDirectories = false

  constructor(options: MemoryOptions = {}) {
    super(settingsOf(options))
  }

  /** What is in use now, for tests and monitoring. */
  usage(): MemoryUsage {
    let lookups = 0
    let opens = 0
    for (const node of this.store.nodes) {
      lookups += node.lookups
      opens += node.opens
    }
    const { inodes, blocks } = this.store.space
    return { inodes, bytes: blocks * 4096, lookups, opens }
  }

  override init(init: InitRequest): void {
    negotiate(init, this.settings)
    this.notify = init.notify
  }

  override ready(negotiated: Negotiated): void {
    this.#stateless = this.settings.kernelLocks && negotiated.features.has('NO_OPEN_SUPPORT')
    this.#statelessDirectories = negotiated.features.has('NO_OPENDIR_SUPPORT')
  }

  override destroy(): void {
    this.notify = null
    this.watch.clear()
    this.store.forgetAll()
  }

  override open(req: Request, id: number, flags: number, out: OpenOut): Result {
    if (this.#stateless) return -errno.ENOSYS
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.content === null) return node.isDirectory ? -errno.EISDIR : -errno.ENXIO
    if ((flags & O.TRUNC) !== 0) {
      io.truncateOnOpen(this.store, node, (req.ioFlags & OPEN_FLAG.KILL_SUIDGID) !== 0)
      this.watch.changed(node)
    }
    this.#open(node, flags, out)
    return 0
  }

  override read(
    req: Request,
    id: number,
    _handle: number,
    offset: number,
    size: number,
    out: DataOut,
  ): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    return io.read(this.store, node, offset, size, (req.fileFlags & O.NOATIME) !== 0, out)
  }

  override write(req: Request, id: number, _handle: number, offset: number, data: Uint8Array): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    const written = io.write(this.store, node, offset, data)
    if (written <= 0) return written
    if ((req.ioFlags & WRITE_FLAG.KILL_SUIDGID) !== 0) this.#clearSetId(node)
    this.watch.changed(node)
    return written
  }

  #clearSetId(node: Inode): void {
    if ((node.mode & (S.ISUID | S.ISGID)) === 0) return
    killSetId(node)
    // The kernel does not look at the mode again after a write, and would start the file with its old set-id bits.
    void this.notify?.invalInode(node.id, -1).catch(() => undefined)
  }

  /** A change that the kernel sends without a word on set-id bits: whoever is not root has no right to keep them. */
  #changed(req: Request, node: Inode): void {
    if (req.uid !== 0) this.#clearSetId(node)
    this.watch.changed(node)
  }

  override flush(req: Request, id: number, _handle: number): Result {
    if (this.settings.kernelLocks) return -errno.ENOSYS
    const node = this.store.nodes.get(id)
    if (node?.locks) lockCalls.releaseOwner(this.store, node, req)
    return 0
  }

  override release(_req: Request, id: number, handle: number): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return 0
    if (node.opens > 0) node.opens--
    if (node.locks !== null) lockCalls.releaseHandle(this.store, node, handle)
    this.watch.closed(node, handle)
    if (node.nlink === 0) this.store.releaseUnused(node)
    return 0
  }

  override create(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    flags: number,
    out: CreateOut,
  ): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    const existing = directory.directory?.get(name)?.node
    if (existing !== undefined && existing !== null && (flags & O.EXCL) === 0) {
      const result = this.open(req, existing.id, flags, out.open)
      return result === 0 ? this.entry(out.entry, existing) : result
    }
    const node = createNode(this.store, req, directory, name, (mode & S.PERMISSIONS) | S.IFREG)
    if (typeof node === 'number') return node
    this.#open(node, flags, out.open)
    return this.entry(out.entry, node)
  }

  override tmpfile(req: Request, parent: number, mode: number, flags: number, out: CreateOut): Result {
    const directory = this.store.directory(parent)
    if (typeof directory === 'number') return directory
    const node = makeNode(this.store, req, directory, (mode & S.PERMISSIONS) | S.IFREG)
    if (typeof node === 'number') return node
    node.linkable = (flags & O.EXCL) === 0
    this.#open(node, flags, out.open)
    return this.entry(out.entry, node)
  }

  override fallocate(
    req: Request,
    id: number,
    _handle: number,
    offset: number,
    length: number,
    mode: number,
  ): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    const result = io.fallocate(this.store, node, offset, length, mode)
    if (result === 0) this.#changed(req, node)
    return result
  }

  override lseek(_req: Request, id: number, _handle: number, offset: number, whence: number): Result {
    const node = this.store.nodes.get(id)
    return node === undefined ? -errno.ESTALE : io.seek(node, offset, whence)
  }

  override copyFileRange(
    req: Request,
    id: number,
    _handle: number,
    offset: number,
    toId: number,
    _toHandle: number,
    toOffset: number,
    length: number,
    flags: number,
  ): Result {
    const from = this.store.nodes.get(id)
    const to = this.store.nodes.get(toId)
    if (from === undefined || to === undefined) return -errno.ESTALE
    if (flags !== 0) return -errno.EINVAL
    const copied = io.copy(this.store, from, offset, to, toOffset, length)
    if (copied > 0) this.#changed(req, to)
    return copied
  }

  override opendir(_req: Request, id: number, _flags: number, out: OpenOut): Result {
    if (this.#statelessDirectories) return -errno.ENOSYS
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.directory === null) return -errno.ENOTDIR
    node.opens++
    out.flags = FOPEN.CACHE_DIR | FOPEN.KEEP_CACHE
    return 0
  }

  override readdir(_req: Request, id: number, _handle: number, offset: number, out: DirOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.directory === null) return -errno.ENOTDIR
    list(node, offset, out)
    if (this.settings.relatime) io.recordRead(this.store, node)
    return 0
  }

  override readdirplus(_req: Request, id: number, _handle: number, offset: number, out: DirPlusOut): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.directory === null) return -errno.ENOTDIR
    listPlus(node, offset, out, this.settings.timeout)
    if (this.settings.relatime) io.recordRead(this.store, node)
    return 0
  }

  override releasedir(_req: Request, id: number, _handle: number): Result {
    const node = this.store.nodes.get(id)
    if (node === undefined) return 0
    if (node.opens > 0) node.opens--
    if (node.nlink === 0) this.store.releaseUnused(node)
    return 0
  }

  override getlk(req: Request, id: number, handle: number, lock: Lock, out: LockOut): Result {
    const node = this.store.nodes.get(id)
    return node === undefined ? -errno.ESTALE : lockCalls.getLock(node, req, handle, lock, out)
  }

  override setlk(
    req: Request,
    id: number,
    handle: number,
    lock: Lock,
    wait: boolean,
    flock: boolean,
  ): Result {
    const node = this.store.nodes.get(id)
    return node === undefined
      ? -errno.ESTALE
      : lockCalls.setLock(this.store, node, req, handle, lock, wait, flock)
  }

  override poll(
    _req: Request,
    id: number,
    handle: number,
    events: number,
    wake: PollHandle | undefined,
  ): Result {
    const node = this.store.nodes.get(id)
    return node === undefined ? -errno.ESTALE : this.watch.poll(node, handle, events, wake)
  }

  #open(node: Inode, flags: number, out: OpenOut): void {
    // Once OPEN was answered with ENOSYS no RELEASE comes either, also not for a file that was created.
    if (!this.#stateless) node.opens++
    out.handle = ++this.#lastHandle
    out.flags = io.openFlags(this.store, node, flags)
  }
}

/** A filesystem in memory; see {@link MemoryOptions}. */
export function memory(options: MemoryOptions = {}): MemoryFileSystem {
  return new MemoryFileSystem(options)
}
