import type { InitRequest, Negotiated, Notify } from '../../api/connection.js'
import { errno, errnoName, FsError } from '../../api/errors.js'
import { FileSystem } from '../../api/filesystem.js'
import type { EntryOut } from '../../api/outs.js'
import type { Reply, Request } from '../../api/request.js'
import { IO, IO_FLAG, IO_WORDS, type VfsCalls, vfsCalls } from '../../native/vfs.js'
import { BackingNodes } from './backing-nodes.js'
import { Descriptors } from './descriptors.js'
import type { Device } from './device.js'
import { type Handle, HandleTable } from './handles.js'
import { identityOf, type Node } from './node.js'
import type { PassthroughSettings } from './options.js'
import { isOwnMount, ownMountAbove } from './own-mounts.js'

const ESTALE = -errno.ESTALE
/** Words of `struct fuse_kstatfs`. */
const KSTATFS_WORDS = 20

/** What all operations share: the descriptor of the directory, the nodes, and on whose behalf calls are made. */
export abstract class PassthroughBase extends FileSystem {
  override readonly nameEncoding = 'latin1'
  protected readonly settings: PassthroughSettings
  protected readonly vfs: VfsCalls
  /** The block of every call; see {@link IO}. */
  protected readonly io: Uint32Array = new Uint32Array(IO_WORDS)
  protected readonly nodes = new BackingNodes()
  protected readonly descriptors: Descriptors
  protected readonly handles: HandleTable
  /** The kernel checks permissions itself before it asks, so finding names needs no change of identity. */
  protected kernelChecks = false
  protected writeback = false
  #notify: Notify | null = null

  protected constructor(dir: string, settings: PassthroughSettings) {
    super()
    this.settings = settings
    this.vfs = vfsCalls()
    this.handles = new HandleTable(this.vfs)
    const noProc = this.vfs.vfsSetup(this.io)
    if (noProc < 0) throw failure(noProc, 'passthrough needs /proc to be mounted: mount -t proc proc /proc')
    const above = ownMountAbove(dir)
    if (above !== null) {
      throw new FsError(
        'ELOOP',
        `passthrough of ${dir}: ${above} is served by this process, which would wait for itself`,
      )
    }
    this.descriptors = new Descriptors(this.vfs, this.io, this.nodes, settings.maxNodeDescriptors)
    this.#openRoot(dir)
  }

  #openRoot(dir: string): void {
    const fd = this.vfs.vfsOpenDir(Buffer.from(dir).toString('latin1'))
    if (fd < 0) throw failure(fd, `passthrough of ${dir}: the directory cannot be opened`)
    const error = this.vfs.vfsStat(this.io, fd, new Uint32Array(22), 0)
    if (error < 0) {
      this.vfs.vfsClose(fd)
      throw failure(error, `passthrough of ${dir}: its attributes cannot be read`)
    }
    const root = this.nodes.add(this.#newDevice(fd), identityOf(this.io), null, '')
    this.descriptors.give(root, fd)
    if (this.io[IO.canSwitch] !== 0) this.descriptors.useHandles(root.device, fd)
  }

  override init(init: InitRequest): void {
    this.#notify = init.notify
    init.want('DONT_MASK')
    init.want('HANDLE_KILLPRIV_V2')
    init.want('CACHE_SYMLINKS')
    if (this.settings.acl) init.want('POSIX_ACL')
  }

  override ready(negotiated: Negotiated): void {
    this.kernelChecks = negotiated.features.has('POSIX_ACL')
    this.writeback = negotiated.features.has('WRITEBACK_CACHE')
  }

  /** Closes every descriptor. The filesystem cannot be mounted again. */
  override destroy(): void {
    this.handles.releaseAll()
    for (const node of this.nodes) this.descriptors.drop(node)
    for (const device of this.nodes.devices) {
      if (device.handleFd >= 0) this.vfs.vfsClose(device.handleFd)
      device.handleFd = -1
    }
  }

  /** Begins an operation: the caller's identity goes into the block. */
  protected as(req: Request, flags = 0): void {
    const io = this.io
    io[IO.uid] = req.uid
    io[IO.gid] = req.gid
    io[IO.pid] = req.pid
    io[IO.umask] = req.umask
    io[IO.flags] = flags
    this.descriptors.turn()
  }

  /** As {@link as}, for finding names: as the server where the kernel has checked already, for that is quicker. */
  protected asFinder(req: Request): void {
    this.as(req, this.kernelChecks ? IO_FLAG.AS_SERVER : 0)
  }

  /** The node's descriptor or a negative errno, -ESTALE for an id that is not known. */
  protected fdOf(id: number): number {
    const node = this.nodes.at(id)
    return node === undefined ? ESTALE : this.descriptors.of(node)
  }

  /** The descriptor to ask about a node: the open file's if there is one. */
  protected statFd(id: number, handle: number | undefined): number {
    if (handle === undefined) return this.fdOf(id)
    return this.handles.get(handle)?.fd ?? -errno.EBADF
  }

  /** The device that the block's identity lies on; null when it is a mount served by this process. */
  protected deviceOf(near: Device, fd: number): Device | null {
    const major = this.io[IO.devMajor]!
    const minor = this.io[IO.devMinor]!
    if (near.major === major && near.minor === minor) return near
    const known = this.nodes.devices.find(major, minor)
    if (isOwnMount(major, minor)) return null
    return known ?? this.#newDevice(fd)
  }

  #newDevice(fd: number): Device {
    const major = this.io[IO.devMajor]!
    const minor = this.io[IO.devMinor]!
    const type = this.vfs.vfsStatfs(fd, new Uint32Array(KSTATFS_WORDS), 0)
    const device = this.nodes.devices.add(major, minor, type)
    if (!device.local) device.reads = 'pool'
    return device
  }

  /**
   * The node of the inode that `fd` holds and the block describes, known or new; the descriptor becomes the node's. Null
   * when the inode is the root of a mount served by this process; then `fd` is closed.
   */
  protected adopt(parent: Node, name: string, fd: number): Node | null {
    const device = this.deviceOf(parent.device, fd)
    if (device === null) {
      this.vfs.vfsClose(fd)
      return null
    }
    const known = this.nodes.find(device, this.io)
    const node = known ?? this.nodes.add(device, identityOf(this.io), parent, name)
    this.descriptors.give(node, fd)
    node.parent = parent
    node.name = name
    return node
  }

  /** Completes the reply about a node whose attributes are there: one more reference for the kernel. */
  protected reference(node: Node, out: EntryOut): 0 {
    node.lookups++
    out.nodeId = node.id
    out.generation = node.generation
    this.saltIno(node.device, out.attr.words, out.attr.index)
    return 0
  }

  /** Makes an inode number differ from those of other devices; `index` is the word of its low half. */
  protected saltIno(device: Device, words: Uint32Array, index: number): void {
    if (device.salt !== 0) words[index + 1] = (words[index + 1]! ^ device.salt) >>> 0
  }

  /**
   * Answers with `result` after the kernel has dropped the attributes it keeps of the node: it does not look at the mode
   * again after a change of content, and would start the file with its old set-id bits.
   */
  protected afterSetIdCleared(req: Request, node: Node, result: number): Reply | number {
    if (this.#notify === null) return result
    const reply = req.defer()
    const answer = (): void => void reply.send(result)
    this.#notify.invalInode(node.id, -1).then(answer, answer)
    return reply
  }

  /** Runs a call of the pool that uses open files; answers with its result. */
  protected onPool(
    req: Request,
    handles: readonly Handle[],
    start: (done: (result: number) => void) => number,
    finish: (result: number) => number = (result) => result,
  ): Reply | number {
    const reply = req.defer()
    for (const handle of handles) this.handles.use(handle)
    const end = (result: number): void => {
      for (const handle of handles) this.handles.done(handle)
      reply.send(finish(result))
    }
    const error = start(end)
    if (error < 0) end(error)
    return reply
  }
}

function failure(result: number, message: string): FsError {
  const code = errnoName(-result) ?? 'EIO'
  return new FsError(code as ConstructorParameters<typeof FsError>[0], message)
}
