import type { DataOut } from '../../api/data-out.js'
import { errno } from '../../api/errors.js'
import type { AttrOut, StatfsOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import type { SetattrIn } from '../../api/setattr-in.js'
import type { StatxOut } from '../../api/statx-out.js'
import { IO, IO_FLAG } from '../../native/vfs.js'
import { FATTR } from '../common/constants.js'
import { PassthroughBase } from './base.js'

/** Word of the inode number in `struct fuse_statx`. */
const STATX_INO_WORD = 8
/** XATTR_SIZE_MAX: no value and no list of names is longer. */
const XATTR_BYTES = 65536

const high = (value: number): number => Math.floor(value / 0x1_0000_0000) >>> 0

/** What a node is: attributes, link target, extended attributes, space. */
export abstract class AttributeOperations extends PassthroughBase {
  override getattr(_req: Request, id: number, handle: number | undefined, out: AttrOut): Result {
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    this.descriptors.turn()
    const fd = this.statFd(id, handle)
    if (fd < 0) return fd
    const { words, index } = out.attr
    const error = this.vfs.vfsStat(this.io, fd, words, index)
    if (error === 0) this.saltIno(node.device, words, index)
    return error
  }

  override setattr(req: Request, id: number, change: SetattrIn, out: AttrOut): Result {
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    // The kernel asks for every chown to clear the bits, whoever the caller; chown(2) beneath does so by itself, and lets
    // a caller with CAP_FSETID keep S_ISGID where the group may not execute. Of a truncation the caller decides.
    const truncates = (change.valid & FATTR.SIZE) !== 0
    this.as(req, truncates && change.killSuidgid ? IO_FLAG.KILL_PRIV : 0)
    const fd = this.descriptors.of(node)
    if (fd < 0) return fd
    const { handle } = change
    const file = handle === undefined ? -1 : (this.handles.get(handle)?.fd ?? -1)
    this.#putChange(change)
    const { words, index } = out.attr
    const error = this.vfs.vfsSetattr(this.io, fd, file, words, index)
    if (error === 0) this.saltIno(node.device, words, index)
    return error
  }

  #putChange(change: SetattrIn): void {
    const io = this.io
    io[IO.valid] = change.valid
    io[IO.newMode] = change.mode
    io[IO.newUid] = change.uid
    io[IO.newGid] = change.gid
    io[IO.sizeLow] = change.size >>> 0
    io[IO.sizeHigh] = high(change.size)
    io[IO.atimeLow] = change.atime >>> 0
    io[IO.atimeHigh] = high(change.atime)
    io[IO.atimeNsec] = change.atimensec
    io[IO.mtimeLow] = change.mtime >>> 0
    io[IO.mtimeHigh] = high(change.mtime)
    io[IO.mtimeNsec] = change.mtimensec
  }

  override statx(
    _req: Request,
    id: number,
    handle: number | undefined,
    _mask: number,
    _flags: number,
    out: StatxOut,
  ): Result {
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    this.descriptors.turn()
    const fd = this.statFd(id, handle)
    if (fd < 0) return fd
    const { words, index } = out
    const error = this.vfs.vfsStatx(this.io, fd, words, index)
    if (error === 0) this.saltIno(node.device, words, index + STATX_INO_WORD)
    return error
  }

  override readlink(_req: Request, id: number, out: DataOut): Result {
    this.descriptors.turn()
    const fd = this.fdOf(id)
    if (fd < 0) return fd
    const length = this.vfs.vfsReadlink(fd, out.bytes, out.start, out.room)
    if (length < 0) return length
    out.length = length
    return 0
  }

  override access(req: Request, id: number, mask: number): Result {
    this.as(req)
    const fd = this.fdOf(id)
    return fd < 0 ? fd : this.vfs.vfsAccess(this.io, fd, mask)
  }

  override statfs(_req: Request, id: number, out: StatfsOut): Result {
    this.descriptors.turn()
    const fd = this.fdOf(id)
    if (fd < 0) return fd
    const type = this.vfs.vfsStatfs(fd, out.words, out.index)
    return Math.min(type, 0)
  }

  override setxattr(req: Request, id: number, name: string, value: Uint8Array, flags: number): Result {
    this.as(req)
    const fd = this.fdOf(id)
    return fd < 0 ? fd : this.vfs.vfsSetxattr(this.io, fd, name, value, flags)
  }

  override getxattr(req: Request, id: number, name: string, size: number, out: DataOut): Result {
    this.as(req)
    const fd = this.fdOf(id)
    if (fd < 0) return fd
    const room = size === 0 ? 0 : Math.min(out.room, size)
    return this.#sized(this.vfs.vfsGetxattr(this.io, fd, name, out.bytes, out.start, room), out)
  }

  override listxattr(req: Request, id: number, size: number, out: DataOut): Result {
    this.as(req)
    const fd = this.fdOf(id)
    if (fd < 0) return fd
    const room = Math.min(out.room, size === 0 ? XATTR_BYTES : size)
    return this.#sized(this.vfs.vfsListxattr(this.io, fd, out.bytes, out.start, room), out)
  }

  #sized(length: number, out: DataOut): number {
    if (length < 0) return length
    out.length = length
    return 0
  }

  override removexattr(req: Request, id: number, name: string): Result {
    this.as(req)
    const fd = this.fdOf(id)
    return fd < 0 ? fd : this.vfs.vfsRemovexattr(this.io, fd, name)
  }
}
