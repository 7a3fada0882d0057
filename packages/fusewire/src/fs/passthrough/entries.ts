import { constants } from 'node:fs'
import { RENAME_FLAG, S_IF } from '../../api/constants.js'
import { errno } from '../../api/errors.js'
import type { CreateOut, EntryOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { IO, IO_FLAG } from '../../native/vfs.js'
import { AttributeOperations } from './attributes.js'
import { ROOT_ID } from './backing-nodes.js'
import type { Node } from './node.js'

const ESTALE = -errno.ESTALE
/** A name leads to a mount that this process serves: the call would wait for itself. */
const ELOOP = -errno.ELOOP
/** A descriptor that only names the inode (the same on all architectures). */
const O_PATH = 0x20_0000

/** Names: what finds, makes, moves and removes directory entries. */
export abstract class EntryOperations extends AttributeOperations {
  override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
    const dir = this.nodes.at(parent)
    if (dir === undefined) return ESTALE
    this.asFinder(req)
    const error = this.find(dir, name, out)
    if (error === -errno.ENOENT && this.settings.negativeTimeout > 0) {
      out.negative(this.settings.negativeTimeout)
      return 0
    }
    return error
  }

  /** One call for a node that is known, three for a new one. */
  protected find(dir: Node, name: string, out: EntryOut): number {
    const dirFd = this.descriptors.of(dir)
    if (dirFd < 0) return dirFd
    const { words, index } = out.attr
    const error = this.vfs.vfsStatName(this.io, dirFd, name, words, index)
    if (error < 0) return error
    const node = this.#known(dir)
    if (node === undefined) return this.#findNew(dir, dirFd, name, out)
    node.parent = dir
    node.name = name
    if (!node.device.local) {
      const stale = this.#refresh(node, out)
      if (stale < 0) return stale
    }
    return this.reference(node, out)
  }

  /** The known node that the block describes, where `dir`'s own device or one met before is concerned. */
  #known(dir: Node): Node | undefined {
    const { io } = this
    const { device } = dir
    if (io[IO.devMajor] === device.major && io[IO.devMinor] === device.minor)
      return this.nodes.find(device, io)
    const other = this.nodes.devices.find(io[IO.devMajor]!, io[IO.devMinor]!)
    return other === undefined ? undefined : this.nodes.find(other, io)
  }

  #findNew(dir: Node, dirFd: number, name: string, out: EntryOut): number {
    const { io } = this
    const low = io[IO.inoLow]
    const high = io[IO.inoHigh]
    const fd = this.descriptors.withRoom(() => this.vfs.vfsOpenNode(io, dirFd, name))
    if (fd < 0) return fd
    const same = io[IO.inoLow] === low && io[IO.inoHigh] === high
    const node = this.adopt(dir, name, fd)
    if (node === null) return ELOOP
    if (!same || !node.device.local) {
      const error = this.#refresh(node, out)
      if (error < 0) return error
    }
    return this.reference(node, out)
  }

  #refresh(node: Node, out: EntryOut): number {
    const fd = this.descriptors.of(node)
    return fd < 0 ? fd : this.vfs.vfsStat(this.io, fd, out.attr.words, out.attr.index)
  }

  override forget(id: number, count: number): void {
    const node = this.nodes.forget(id, count)
    if (node !== undefined) this.descriptors.drop(node)
  }

  override mkdir(req: Request, parent: number, name: string, mode: number, out: EntryOut): Result {
    return this.#make(req, parent, name, out, (dir) =>
      this.vfs.vfsMkdir(this.io, dir, name, mode, out.attr.words, out.attr.index),
    )
  }

  override mknod(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    rdev: number,
    out: EntryOut,
  ): Result {
    return this.#make(req, parent, name, out, (dir) =>
      this.vfs.vfsMknod(this.io, dir, name, mode, rdev, out.attr.words, out.attr.index),
    )
  }

  override symlink(req: Request, parent: number, name: string, target: string, out: EntryOut): Result {
    return this.#make(req, parent, name, out, (dir) =>
      this.vfs.vfsSymlink(this.io, dir, name, target, out.attr.words, out.attr.index),
    )
  }

  #make(req: Request, parent: number, name: string, out: EntryOut, call: (dir: number) => number): number {
    return this.#within(req, parent, (dir, dirFd) => {
      const fd = call(dirFd)
      if (fd === -errno.EMFILE || fd === -errno.ENFILE) {
        // The name is made, only the new node's descriptor could not be had.
        this.descriptors.makeRoom()
        return this.find(dir, name, out)
      }
      if (fd < 0) return fd
      const node = this.adopt(dir, name, fd)
      return node === null ? ELOOP : this.reference(node, out)
    })
  }

  /** Calls with the directory and its descriptor, as the caller. */
  #within(req: Request, parent: number, call: (dir: Node, dirFd: number) => number): number {
    const dir = this.nodes.at(parent)
    if (dir === undefined) return ESTALE
    this.as(req)
    const dirFd = this.descriptors.of(dir)
    return dirFd < 0 ? dirFd : call(dir, dirFd)
  }

  override link(req: Request, id: number, newParent: number, newName: string, out: EntryOut): Result {
    const node = this.nodes.at(id)
    const dir = this.nodes.at(newParent)
    if (node === undefined || dir === undefined) return ESTALE
    this.as(req)
    const fd = this.descriptors.of(node)
    if (fd < 0) return fd
    const dirFd = this.descriptors.of(dir)
    if (dirFd < 0) return dirFd
    const error = this.vfs.vfsLink(this.io, fd, dirFd, newName, out.attr.words, out.attr.index)
    if (error < 0) return error
    node.parent = dir
    node.name = newName
    return this.reference(node, out)
  }

  override unlink(req: Request, parent: number, name: string): Result {
    return this.#remove(req, parent, name, false)
  }
  override rmdir(req: Request, parent: number, name: string): Result {
    return this.#remove(req, parent, name, true)
  }

  #remove(req: Request, parent: number, name: string, isDir: boolean): number {
    return this.#within(req, parent, (dir, dirFd) => {
      this.#hold(dir, dirFd, name)
      return this.vfs.vfsUnlink(this.io, dirFd, name, isDir)
    })
  }

  /**
   * A node that loses a name must have its descriptor: without it nobody could reach the inode any more, and some
   * process may have it as its working directory.
   */
  #hold(dir: Node, dirFd: number, name: string): void {
    if (!this.descriptors.someWithout) return
    const node = this.#at(dir, dirFd, name)
    if (node !== undefined) this.descriptors.of(node)
  }

  /** The known node under a name, looked at as the server. */
  #at(dir: Node, dirFd: number, name: string): Node | undefined {
    const { io } = this
    const flags = io[IO.flags]!
    io[IO.flags] = flags | IO_FLAG.AS_SERVER
    const error = this.vfs.vfsStatName(io, dirFd, name, this.#words, 0)
    io[IO.flags] = flags
    return error < 0 ? undefined : this.#known(dir)
  }
  readonly #words = new Uint32Array(22)

  override rename(
    req: Request,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Result {
    const dir = this.nodes.at(parent)
    const newDir = this.nodes.at(newParent)
    if (dir === undefined || newDir === undefined) return ESTALE
    this.as(req)
    const dirFd = this.descriptors.of(dir)
    if (dirFd < 0) return dirFd
    const newDirFd = this.descriptors.of(newDir)
    if (newDirFd < 0) return newDirFd
    this.#hold(newDir, newDirFd, newName)
    const error = this.vfs.vfsRename(this.io, dirFd, name, newDirFd, newName, flags)
    if (error < 0) return error
    this.#moved(newDir, newDirFd, newName)
    if ((flags & RENAME_FLAG.EXCHANGE) !== 0) this.#moved(dir, dirFd, name)
    return 0
  }

  /** Notes where a node lies now, for the time when it has no descriptor. */
  #moved(dir: Node, dirFd: number, name: string): void {
    const node = this.#at(dir, dirFd, name)
    if (node === undefined || node.id === ROOT_ID) return
    node.parent = dir
    node.name = name
  }

  override create(
    req: Request,
    parent: number,
    name: string,
    mode: number,
    flags: number,
    out: CreateOut,
  ): Result {
    const own = this.openFlags(flags)
    const { words, index } = out.entry.attr
    return this.#within(req, parent, (dir, dirFd) => {
      const file = this.descriptors.withRoom(() =>
        this.vfs.vfsCreate(this.io, dirFd, name, own, mode, words, index),
      )
      if (file === -errno.EEXIST && (flags & constants.O_EXCL) === 0) {
        return this.#openExisting(dir, name, flags, out)
      }
      return file < 0 ? file : this.#created(dir, name, file, own, out)
    })
  }

  override tmpfile(req: Request, parent: number, mode: number, flags: number, out: CreateOut): Result {
    const own = this.openFlags(flags)
    const { words, index } = out.entry.attr
    return this.#within(req, parent, (dir, dirFd) => {
      const file = this.descriptors.withRoom(() =>
        this.vfs.vfsTmpfile(this.io, dirFd, own, mode, words, index),
      )
      return file < 0 ? file : this.#created(dir, '', file, own, out)
    })
  }

  #created(dir: Node, name: string, file: number, flags: number, out: CreateOut): number {
    const fd = this.#twin(file, out)
    const node = fd < 0 ? null : this.adopt(dir, name, fd)
    if (node === null) {
      this.vfs.vfsClose(file)
      return fd < 0 ? fd : ELOOP
    }
    out.open.handle = this.handles.add(node, file, flags)
    return this.reference(node, out.entry)
  }

  /** The O_PATH descriptor of a file just made; had now if there was no room for it before. */
  #twin(file: number, out: CreateOut): number {
    const made = this.io[IO.nodeFd]! | 0
    if (made >= 0) return made
    this.descriptors.makeRoom()
    const fd = this.vfs.vfsReopen(file, O_PATH)
    if (fd >= 0) this.vfs.vfsStat(this.io, fd, out.entry.attr.words, out.entry.attr.index)
    return fd
  }

  /** Somebody else made the name since the kernel looked: then open(2) without O_EXCL opens what is there. */
  #openExisting(dir: Node, name: string, flags: number, out: CreateOut): number {
    const error = this.find(dir, name, out.entry)
    if (error < 0) return error
    const node = this.nodes.at(out.entry.nodeId)!
    const handle = node.type === S_IF.REG ? this.openNode(node, flags) : -errno.ENXIO
    if (handle < 0) {
      this.forget(node.id, 1)
      return handle
    }
    out.open.handle = handle
    return 0
  }

  /** open(2) flags for the server's own descriptor. */
  protected abstract openFlags(flags: number): number
  /** Opens a regular file as the caller; a handle. */
  protected abstract openNode(node: Node, flags: number): number
}
