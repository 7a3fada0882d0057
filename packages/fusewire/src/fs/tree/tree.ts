import type { Attr } from '../../api/attr.js'
import { DT, FATTR, FOPEN, O, S_IF } from '../../api/constants.js'
import type { DataOut } from '../../api/data-out.js'
import type { DirOut } from '../../api/dir-out.js'
import { errno, FsError } from '../../api/errors.js'
import { FileSystem } from '../../api/filesystem.js'
import type { AttrOut, EntryOut, OpenOut, StatfsOut } from '../../api/outs.js'
import { HandleTable } from '../../api/path/handles.js'
import type { Request, Result } from '../../api/request.js'
import type { SetattrIn } from '../../api/setattr-in.js'
import {
  fixedContent,
  type OpenContent,
  openSource,
  StreamContent,
  WholeContent,
  WrittenContent,
  wholeSource,
} from './content.js'
import {
  attributesOf,
  bytesOf,
  type Directory,
  entryOf,
  isEntry,
  isWritable,
  kindOf,
  NAME_MAX,
  namesOf,
  TreeDirectory,
  TreeFile,
  TreeLink,
} from './entries.js'
import { type TreeNode, TreeNodes } from './nodes.js'

const TYPE_BITS = { file: S_IF.REG, directory: S_IF.DIR, link: S_IF.LNK } as const
const DIRENT_TYPE = { file: DT.REG, directory: DT.DIR, link: DT.LNK } as const
const BLOCK = 4096

export interface TreeOptions {
  /** Owner of everything that sets none. Default: the process's own. */
  uid?: number
  gid?: number
}

/**
 * A filesystem from a literal: names to texts, bytes, functions, links and further directories.
 *
 * ```ts
 * tree({ 'hello.txt': 'hello\n', now: () => new Date().toISOString(), sub: { 'a.bin': bytes } })
 * ```
 */
export const tree = (root: Directory | TreeDirectory, options: TreeOptions = {}): FileSystem =>
  new TreeFileSystem(root, options)

interface OpenFile {
  readonly content: OpenContent
  readonly node: TreeNode
  readonly appends: boolean
}

class TreeFileSystem extends FileSystem {
  readonly #nodes: TreeNodes
  readonly #files = new HandleTable<OpenFile>()
  readonly #lists = new HandleTable<string[]>()
  readonly #uid: number
  readonly #gid: number
  readonly #start = Date.now()

  constructor(root: Directory | TreeDirectory, options: TreeOptions) {
    super()
    this.#nodes = new TreeNodes(root)
    this.#uid = options.uid ?? process.getuid?.() ?? 0
    this.#gid = options.gid ?? process.getgid?.() ?? 0
  }

  override lookup(_req: Request, parent: number, name: string, out: EntryOut): Result {
    const directory = this.#nodes.get(parent)
    const entries = this.#entries(directory)
    if (isLater(entries)) return entries.then((found) => this.#found(directory, found, name, out))
    return this.#found(directory, entries, name, out)
  }

  override forget(id: number, count: number): void {
    this.#nodes.forget(id, count)
  }

  override getattr(_req: Request, id: number, _handle: number | undefined, out: AttrOut): Result {
    const node = this.#live(id)
    this.#putAttr(out.attr, node)
    if (kindOf(node.entry) === 'file') out.attrTimeout = 0
    return 0
  }

  /** Only what has a setter changes: its size, by truncate(2) and open(2). Times and modes are taken and not kept. */
  override async setattr(_req: Request, id: number, change: SetattrIn, out: AttrOut): Promise<number> {
    const node = this.#nodes.get(id)
    if (!isWritable(node.entry)) return -errno.EROFS
    if ((change.valid & (FATTR.UID | FATTR.GID)) !== 0) return -errno.EPERM
    if ((change.valid & FATTR.SIZE) !== 0) await this.#truncate(node, change.size)
    this.#putAttr(out.attr, node)
    return 0
  }

  override readlink(_req: Request, id: number, out: DataOut): Result {
    const { entry } = this.#nodes.get(id)
    if (!(entry instanceof TreeLink)) return -errno.EINVAL
    out.text(entry.target)
    return 0
  }

  override open(_req: Request, id: number, flags: number, out: OpenOut): Result {
    const node = this.#live(id)
    const writes = (flags & (O.WRONLY | O.RDWR)) !== 0
    if (writes && !isWritable(node.entry)) return -errno.EROFS
    const fixed = writes ? undefined : fixedContent(node.entry)
    if (fixed !== undefined) {
      out.handle = this.#files.add({ content: new WholeContent(node.bytes(fixed)), node, appends: false })
      return 0
    }
    return this.#openLater(node, flags, writes, out)
  }

  override read(
    _req: Request,
    _id: number,
    handle: number,
    offset: number,
    size: number,
    out: DataOut,
  ): Result {
    return this.#file(handle).content.read(offset, size, out)
  }

  override write(_req: Request, id: number, handle: number, offset: number, data: Uint8Array): Result {
    const { content, appends } = this.#file(handle)
    if (!(content instanceof WrittenContent)) return -errno.EBADF
    const written = content.write(appends ? undefined : offset, data)
    this.#nodes.get(id).size = content.size
    return written
  }

  override flush(_req: Request, id: number, handle: number): Result {
    const { content } = this.#file(handle)
    if (!(content instanceof WrittenContent)) return 0
    this.#nodes.get(id).changed = Date.now()
    return content.flush().then(() => 0)
  }

  override fsync(req: Request, id: number, handle: number): Result {
    return this.flush(req, id, handle)
  }

  override release(_req: Request, _id: number, handle: number): Result {
    const file = this.#files.take(handle)
    if (file === undefined) return -errno.EBADF
    const { content, node } = file
    if (content instanceof WrittenContent && --content.users === 0) node.writing = null
    const closing = content.close()
    return closing === undefined ? 0 : closing.then(() => 0)
  }

  override opendir(_req: Request, id: number, _flags: number, out: OpenOut): Result {
    const entries = this.#entries(this.#nodes.get(id))
    const opened = (found: Directory): number => {
      out.handle = this.#lists.add(namesOf(found))
      return 0
    }
    return isLater(entries) ? entries.then(opened) : opened(entries)
  }

  override readdir(_req: Request, id: number, handle: number, offset: number, out: DirOut): Result {
    const node = this.#nodes.get(id)
    const entries = this.#entries(node)
    const list = (found: Directory): number => this.#list(node, found, handle, offset, out)
    return isLater(entries) ? entries.then(list) : list(entries)
  }

  override releasedir(_req: Request, _id: number, handle: number): Result {
    this.#lists.take(handle)
    return 0
  }

  override statfs(_req: Request, _id: number, out: StatfsOut): Result {
    out.bsize = BLOCK
    out.frsize = BLOCK
    out.namelen = NAME_MAX
    return 0
  }

  /** What is in a directory now; a lazy one is asked each time. */
  #entries(node: TreeNode): Directory | PromiseLike<Directory> {
    const { entry } = node
    if (kindOf(entry) !== 'directory') throw new FsError('ENOTDIR')
    if (!(entry instanceof TreeDirectory)) return entry as Directory
    return typeof entry.entries === 'function' ? entry.entries() : entry.entries
  }

  #found(parent: TreeNode, entries: Directory, name: string, out: EntryOut): number {
    const entry = entryOf(entries, name)
    if (entry === undefined) return -errno.ENOENT
    const node = this.#nodes.lookup(parent, name, entry)
    out.nodeId = node.id
    this.#putAttr(out.attr, node)
    // A file's content may change at any time; the kernel asks for its size before it reads.
    if (kindOf(entry) === 'file') out.attrTimeout = 0
    return 0
  }

  #putAttr(attr: Attr, node: TreeNode): void {
    const { entry } = node
    const kind = kindOf(entry)
    const own = attributesOf(entry)
    const fixed = kind === 'file' ? fixedContent(entry) : undefined
    const size = node.writing?.size ?? (fixed === undefined ? sizeOf(node) : node.bytes(fixed).length)
    const usual = kind === 'link' ? 0o777 : kind === 'directory' ? 0o555 : isWritable(entry) ? 0o644 : 0o444
    attr.ino = node.id
    attr.mode = TYPE_BITS[kind] | ((own.mode ?? usual) & 0o7777)
    attr.nlink = kind === 'directory' ? 2 : 1
    attr.size = size
    attr.blocks = Math.ceil(size / 512)
    attr.blksize = BLOCK
    attr.uid = own.uid ?? this.#uid
    attr.gid = own.gid ?? this.#gid
    const mtime = own.mtime === undefined ? node.changed || this.#start : Number(own.mtime)
    attr.setTimes(mtime, mtime, mtime)
  }

  async #openLater(node: TreeNode, flags: number, writes: boolean, out: OpenOut): Promise<number> {
    const { entry } = node
    const content = writes ? await this.#openWriter(node, (flags & O.TRUNC) !== 0) : await openSource(entry)
    if (content.size !== undefined) node.size = content.size
    out.handle = this.#files.add({ content, node, appends: (flags & O.APPEND) !== 0 })
    // Without a size that holds from stat to read the page cache would cut the file.
    if (content instanceof StreamContent) out.flags = FOPEN.DIRECT_IO | FOPEN.STREAM | FOPEN.NONSEEKABLE
    else if (!(entry instanceof TreeFile) || entry.parts.size === undefined || writes)
      out.flags = FOPEN.DIRECT_IO
    return 0
  }

  /** Writers of one file share its content, as they do on any filesystem. */
  async #openWriter(node: TreeNode, truncate: boolean): Promise<WrittenContent> {
    const { write } = (node.entry as TreeFile).parts
    const start = truncate || node.writing !== null ? bytesOf('') : await wholeSource(node.entry)
    const content = node.writing ?? new WrittenContent((bytes) => write!(bytes), start, truncate)
    if (truncate && node.writing !== null) content.truncate(0)
    node.writing = content
    content.users++
    return content
  }

  async #truncate(node: TreeNode, size: number): Promise<void> {
    const content = await this.#openWriter(node, size === 0)
    try {
      content.truncate(size)
    } finally {
      if (--content.users === 0) {
        node.writing = null
        await content.close()
      }
    }
    node.size = size
    node.changed = Date.now()
  }

  #list(node: TreeNode, entries: Directory, handle: number, offset: number, out: DirOut): number {
    const names = this.#lists.get(handle)
    if (names === undefined) return -errno.EBADF
    if (offset === 0) this.#lists.replace(handle, namesOf(entries))
    const shown = this.#lists.get(handle)!
    for (let at = offset; at < shown.length + 2; at++) {
      if (at < 2) {
        if (!out.add(at === 0 ? '.' : '..', at === 0 ? node.id : node.parent, DT.DIR, at + 1)) break
        continue
      }
      const name = shown[at - 2]!
      const entry = entryOf(entries, name)
      if (entry === undefined) continue
      const ino = this.#nodes.known(node, name) ?? UNKNOWN_INO
      if (!out.add(name, ino, isEntry(entry) ? DIRENT_TYPE[kindOf(entry)] : DT.UNKNOWN, at + 1)) break
    }
    return 0
  }

  #file(handle: number): OpenFile {
    const file = this.#files.get(handle)
    if (file === undefined) throw new FsError('EBADF', `handle ${handle} is not open`)
    return file
  }

  /** The node with the entry that its name has now, where that can be told without calling anybody. */
  #live(id: number): TreeNode {
    const node = this.#nodes.get(id)
    if (id === node.parent) return node
    const parent = this.#nodes.find(node.parent)?.entry
    const entries = parent instanceof TreeDirectory ? parent.entries : parent
    if (parent === undefined || typeof entries === 'function' || kindOf(parent) !== 'directory') return node
    const entry = entryOf(entries as Directory, node.name)
    if (entry !== undefined && isEntry(entry) && kindOf(entry) === kindOf(node.entry)) node.entry = entry
    return node
  }
}

/** Shown by readdir(3) for a name that nobody has looked up yet. */
const UNKNOWN_INO = 0xffff_ffff

const isLater = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof (value as PromiseLike<T> | undefined)?.then === 'function'

function sizeOf(node: TreeNode): number {
  const { entry } = node
  if (entry instanceof TreeLink) return Buffer.byteLength(entry.target)
  if (entry instanceof TreeFile && entry.parts.size !== undefined) return entry.parts.size
  return node.size
}
