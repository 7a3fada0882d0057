import { constants } from 'node:fs'
import { S_IF, WRITE_FLAG } from '../../api/constants.js'
import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import type { OpenOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { IO, IO_FLAG } from '../../native/vfs.js'
import { OPEN_FLAG } from '../common/constants.js'
import { EntryOperations } from './entries.js'
import type { Handle } from './handles.js'
import type { Node } from './node.js'

const EBADF = -errno.EBADF
const EAGAIN = -errno.EAGAIN
const O_ACCMODE = 3
const { O_WRONLY, O_RDWR, O_APPEND, O_DSYNC } = constants
/** S_ISUID and S_ISGID. */
const SET_ID = 0o6000
/** Words of `struct fuse_attr`. */
const ATTR_WORDS = 22
/** Up to here allocating and copying is quick enough for the event loop (both are done in memory at first). */
const QUICK_ALLOCATE = 4 * 1024 * 1024
const QUICK_COPY = 128 * 1024
/** One copy_file_range request copies at most so much; the caller goes on with the rest, and can be interrupted between. */
const COPY_MAX = 64 * 1024 * 1024
/** Bytes of the largest file flag structure (`struct fsxattr`). */
const FLAG_BYTES = 28

/** Open files and their bytes. */
export abstract class FileOperations extends EntryOperations {
  override open(req: Request, id: number, flags: number, out: OpenOut): Result {
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    // Only regular files are opened here: to open a device or a fifo means something to others.
    if (node.type !== S_IF.REG) return -errno.ENXIO
    const kill = (req.ioFlags & OPEN_FLAG.KILL_SUIDGID) !== 0
    this.as(req, kill ? IO_FLAG.KILL_PRIV : 0)
    const hadSetId = kill && this.#hasSetId(node)
    const handle = this.openNode(node, flags)
    if (handle < 0) return handle
    out.handle = handle
    return hadSetId ? this.afterSetIdCleared(req, node, 0) : 0
  }

  #hasSetId(node: Node): boolean {
    const fd = this.descriptors.of(node)
    return (
      fd >= 0 && this.vfs.vfsStat(this.io, fd, this.#words, 0) === 0 && (this.io[IO.mode]! & SET_ID) !== 0
    )
  }
  readonly #words = new Uint32Array(ATTR_WORDS)

  protected openNode(node: Node, flags: number): number {
    const fd = this.descriptors.of(node)
    if (fd < 0) return fd
    const own = this.openFlags(flags)
    const file = this.descriptors.withRoom(() => this.vfs.vfsOpen(this.io, fd, own))
    return file < 0 ? file : this.handles.add(node, file, own)
  }

  /** With the write-back cache the kernel reads pages of files open for writing, and places appended data itself. */
  protected openFlags(flags: number): number {
    if (!this.writeback) return flags
    const reads = (flags & O_ACCMODE) === O_WRONLY ? (flags & ~O_ACCMODE) | O_RDWR : flags
    return reads & ~O_APPEND
  }

  override read(
    req: Request,
    _id: number,
    handle: number,
    offset: number,
    size: number,
    out: DataOut,
  ): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    const room = Math.min(size, out.room)
    const { device } = file.node
    if (device.reads === 'pool') return this.#readLater(req, file, offset, room, 0, out)
    const nowait = device.reads === 'nowait'
    const count = this.vfs.vfsRead(this.io, file.fd, out.bytes, out.start, room, offset, nowait)
    if (count >= 0) {
      out.length = count
      return 0
    }
    if (count === EAGAIN) return this.#readLater(req, file, offset, room, this.io[IO.partial]!, out)
    if (count !== -errno.EOPNOTSUPP || !nowait) return count
    device.reads = 'plain'
    return this.read(req, _id, handle, offset, size, out)
  }

  /** Reads what is not in memory on the pool, behind the `have` bytes that are there. */
  #readLater(req: Request, file: Handle, offset: number, size: number, have: number, out: DataOut): Result {
    const bytes = out.buffer(size)
    return this.onPool(
      req,
      [file],
      (done) => this.vfs.vfsReadAsync(file.fd, bytes, have, size - have, offset + have, done),
      (count) => {
        if (count < 0 && have === 0) return count
        out.length = have + Math.max(0, count)
        return 0
      },
    )
  }

  override write(req: Request, _id: number, handle: number, offset: number, data: Uint8Array): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    const { ioFlags } = req
    if ((file.flags & O_DSYNC) !== 0 && (ioFlags & WRITE_FLAG.KILL_SUIDGID) === 0) {
      return this.onPool(req, [file], (done) =>
        this.vfs.vfsWriteAsync(file.fd, data, 0, data.length, offset, done),
      )
    }
    let flags = (ioFlags & WRITE_FLAG.KILL_SUIDGID) !== 0 ? IO_FLAG.KILL_PRIV : 0
    // Pages written back carry any writable handle of the file, also one that appends.
    if ((ioFlags & WRITE_FLAG.CACHE) !== 0 && (file.flags & O_APPEND) !== 0) flags |= IO_FLAG.AT_OFFSET
    if (flags !== 0) this.as(req, flags)
    else this.io[IO.flags] = 0
    const count = this.vfs.vfsWrite(this.io, file.fd, data, 0, data.length, offset)
    return this.io[IO.partial] === 1 ? this.afterSetIdCleared(req, file.node, count) : count
  }

  /**
   * Prepares a change of content that the kernel does not check itself for set-id bits; true when the file has some
   * which the change clears.
   */
  #clearsSetId(req: Request, file: Handle): boolean {
    const isUser = req.uid !== 0 && this.io[IO.canSwitch] !== 0
    this.as(req, isUser ? IO_FLAG.KILL_PRIV : 0)
    return isUser && this.#hasSetId(file.node)
  }

  override flush(req: Request, _id: number, handle: number): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    this.unlockOwner(req, file.node)
    // Only servers keep errors back until close(2).
    return file.node.device.local ? 0 : this.vfs.vfsFlush(file.fd)
  }

  override release(_req: Request, _id: number, handle: number): Result {
    const file = this.handles.release(handle)
    if (file === undefined) return EBADF
    this.fileReleased(file.node, handle)
    return 0
  }

  override fsync(req: Request, _id: number, handle: number, datasync: boolean): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    return this.onPool(req, [file], (done) => this.vfs.vfsFsyncAsync(file.fd, datasync, done))
  }

  override fallocate(
    req: Request,
    _id: number,
    handle: number,
    offset: number,
    length: number,
    mode: number,
  ): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    const clears = this.#clearsSetId(req, file)
    if (clears || length <= QUICK_ALLOCATE) {
      const error = this.vfs.vfsFallocate(this.io, file.fd, mode, offset, length)
      return clears ? this.afterSetIdCleared(req, file.node, error) : error
    }
    return this.onPool(req, [file], (done) => this.vfs.vfsFallocateAsync(file.fd, mode, offset, length, done))
  }

  override lseek(_req: Request, _id: number, handle: number, offset: number, whence: number): Result {
    const file = this.handles.get(handle)
    return file === undefined ? EBADF : this.vfs.vfsSeek(file.fd, offset, whence)
  }

  override copyFileRange(
    req: Request,
    _id: number,
    handle: number,
    offset: number,
    _toId: number,
    toHandle: number,
    toOffset: number,
    length: number,
  ): Result {
    const from = this.handles.get(handle)
    const to = this.handles.get(toHandle)
    if (from === undefined || to === undefined) return EBADF
    const bytes = Math.min(length, COPY_MAX)
    const clears = this.#clearsSetId(req, to)
    if (clears || bytes <= QUICK_COPY) {
      const count = this.vfs.vfsCopy(this.io, from.fd, offset, to.fd, toOffset, bytes)
      return clears ? this.afterSetIdCleared(req, to.node, count) : count
    }
    return this.onPool(req, [from, to], (done) =>
      this.vfs.vfsCopyAsync(from.fd, offset, to.fd, toOffset, bytes, done),
    )
  }

  /** File flags and project ids (FS_IOC_GETFLAGS and its like); every other command is ENOTTY. */
  override ioctl(
    req: Request,
    _id: number,
    handle: number,
    command: number,
    _arg: number,
    input: Uint8Array,
    out: DataOut,
  ): Result {
    const file = this.handles.get(handle)
    if (file === undefined) return EBADF
    this.as(req)
    const argument = new Uint8Array(FLAG_BYTES)
    argument.set(input.subarray(0, FLAG_BYTES))
    const bytes = this.vfs.vfsIoctlFlags(this.io, file.fd, command, argument)
    if (bytes < 0) return bytes
    if (out.limit > 0) out.copy(argument, 0, Math.min(bytes, out.limit))
    return 0
  }

  /** Drops the POSIX locks that the request's owner holds on the node. */
  protected abstract unlockOwner(req: Request, node: Node): void
  /** An open file is gone, and with it its BSD lock and the locks of its description. */
  protected abstract fileReleased(node: Node, handle: number): void
}
