import {
  type DirentLike,
  FsError,
  type PathContext,
  PathFileSystem,
  type StatsLike,
} from '../../src/index.js'

interface Item {
  mode: number
  data: Buffer
  target: string
  uid: number
  gid: number
  rdev: number
  ino: number
  nlink: number
  atime: Date
  mtime: Date
  xattrs: Map<string, Uint8Array>
}

const S_IFMT = 0o170000
const DIR = 0o040000

/** A filesystem of paths in a Map, with every method but none with a handle: each call finds its file by its path. */
export class Store extends PathFileSystem {
  readonly items = new Map<string, Item>([['/', item(DIR | 0o755)]])
  /** Names of the methods that were called, with their path. */
  readonly calls: string[] = []
  #next = 2
  #opens = 0
  /** Answers later, as a promise. */
  readonly later: boolean

  constructor(later: boolean) {
    super()
    this.later = later
  }

  /** Files open by count of open and release. */
  get opens(): number {
    return this.#opens
  }

  #do<T>(call: string, path: string, work: () => T): T {
    this.calls.push(`${call} ${path}`)
    if (!this.later) return work()
    return new Promise<void>((resolve) => setImmediate(resolve)).then(work) as T
  }
  #at(path: string): Item {
    const found = this.items.get(path)
    if (found === undefined) throw new FsError('ENOENT', path)
    return found
  }
  #put(path: string, mode: number, { uid, gid }: PathContext): Item {
    if (this.items.has(path)) throw new FsError('EEXIST', path)
    const made = { ...item(mode), uid, gid, ino: this.#next++ }
    this.items.set(path, made)
    return made
  }
  #below(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`
    return [...this.items.keys()].filter((key) => key !== '/' && key.startsWith(prefix))
  }

  override stat(path: string): StatsLike {
    return this.#do('stat', path, () => {
      const { data, target, ...stats } = this.#at(path)
      return { ...stats, size: data.length || target.length }
    })
  }
  override readdir(path: string): Iterable<DirentLike> {
    return this.#do('readdir', path, () => {
      const start = path === '/' ? 1 : path.length + 1
      return this.#below(path)
        .map((key) => key.slice(start))
        .filter((name) => !name.includes('/'))
    })
  }
  override readlink(path: string): string {
    return this.#do('readlink', path, () => this.#at(path).target)
  }
  override mkdir(path: string, mode: number, context: PathContext): unknown {
    return this.#do('mkdir', path, () => void this.#put(path, DIR | mode, context))
  }
  override rmdir(path: string): unknown {
    return this.#do('rmdir', path, () => {
      if (this.#below(path).length > 0) throw new FsError('ENOTEMPTY', path)
      this.items.delete(path)
    })
  }
  override unlink(path: string): unknown {
    return this.#do('unlink', path, () => {
      this.#at(path).nlink--
      this.items.delete(path)
    })
  }
  override rename(from: string, to: string, flags: number): unknown {
    return this.#do('rename', `${from} ${to}`, () => {
      const there = this.items.get(to)
      if ((flags & 1) !== 0 && there !== undefined) throw new FsError('EEXIST', to)
      if (flags > 2) throw new FsError('EINVAL', `flags ${flags}`)
      if (flags === 2) this.#exchange(from, to)
      else {
        if (there !== undefined && this.#below(to).length > 0) throw new FsError('ENOTEMPTY', to)
        this.#move(from, to)
      }
    })
  }
  #move(from: string, to: string): void {
    const moved = this.#at(from)
    for (const key of this.#below(from)) {
      this.items.set(to + key.slice(from.length), this.#at(key))
      this.items.delete(key)
    }
    this.items.delete(from)
    this.items.set(to, moved)
  }
  #exchange(one: string, other: string): void {
    this.#at(one)
    this.#at(other)
    this.#move(one, '/swap')
    this.#move(other, one)
    this.#move('/swap', other)
  }
  override link(existing: string, path: string): unknown {
    return this.#do('link', path, () => {
      const linked = this.#at(existing)
      linked.nlink++
      this.items.set(path, linked)
    })
  }
  override symlink(target: string, path: string, context: PathContext): unknown {
    return this.#do('symlink', path, () => {
      this.#put(path, 0o120777, context).target = target
    })
  }
  override mknod(path: string, mode: number, rdev: number, context: PathContext): unknown {
    return this.#do('mknod', path, () => {
      this.#put(path, mode, context).rdev = rdev
    })
  }
  override chmod(path: string, mode: number): unknown {
    return this.#do('chmod', path, () => {
      const found = this.#at(path)
      found.mode = (found.mode & S_IFMT) | mode
    })
  }
  override chown(path: string, uid: number, gid: number): unknown {
    return this.#do('chown', path, () => {
      const found = this.#at(path)
      if (uid !== -1) found.uid = uid
      if (gid !== -1) found.gid = gid
    })
  }
  override truncate(path: string, size: number): unknown {
    return this.#do('truncate', path, () => {
      const found = this.#at(path)
      found.data = Buffer.concat([found.data, Buffer.alloc(Math.max(0, size - found.data.length))], size)
    })
  }
  override utimes(path: string, atime: Date | undefined, mtime: Date | undefined): unknown {
    return this.#do('utimes', path, () => {
      const found = this.#at(path)
      if (atime !== undefined) found.atime = atime
      if (mtime !== undefined) found.mtime = mtime
    })
  }
  override open(path: string): unknown {
    return this.#do('open', path, () => {
      this.#at(path)
      this.#opens++
    })
  }
  override create(path: string, _flags: number, mode: number, context: PathContext): unknown {
    return this.#do('create', path, () => {
      this.#put(path, 0o100000 | (mode & 0o7777), context)
      this.#opens++
    })
  }
  override read(path: string, _handle: unknown, buffer: Uint8Array, position: number): number {
    return this.#do('read', path, () => this.#at(path).data.copy(buffer, 0, position))
  }
  override write(path: string, _handle: unknown, data: Uint8Array, position: number): number {
    return this.#do('write', path, () => {
      const found = this.#at(path)
      const size = Math.max(found.data.length, position + data.length)
      found.data = Buffer.concat([found.data, Buffer.alloc(size - found.data.length)], size)
      found.data.set(data, position)
      return data.length
    })
  }
  override flush(path: string): unknown {
    return this.#do('flush', path, () => {})
  }
  override release(path: string): unknown {
    return this.#do('release', path, () => {
      this.#opens--
    })
  }
  override fsync(path: string): unknown {
    return this.#do('fsync', path, () => {})
  }
  override fallocate(path: string, _handle: unknown, position: number, length: number): unknown {
    return this.#do('fallocate', path, () => {
      const found = this.#at(path)
      const size = Math.max(found.data.length, position + length)
      found.data = Buffer.concat([found.data, Buffer.alloc(size - found.data.length)], size)
    })
  }
  override statfs(path: string): { blocks: number; bsize: number; bfree: bigint } {
    return this.#do('statfs', path, () => ({ blocks: 1000, bsize: 4096, bfree: 500n }))
  }
  override access(path: string, mask: number): unknown {
    return this.#do('access', path, () => {
      if ((mask & 2) !== 0 && (this.#at(path).mode & 0o222) === 0) throw new FsError('EACCES', path)
    })
  }
  override getxattr(path: string, name: string): Uint8Array | undefined {
    return this.#do('getxattr', path, () => this.#at(path).xattrs.get(name))
  }
  override setxattr(path: string, name: string, value: Uint8Array): unknown {
    return this.#do('setxattr', path, () => void this.#at(path).xattrs.set(name, Uint8Array.from(value)))
  }
  override listxattr(path: string): Iterable<string> {
    return this.#do('listxattr', path, () => [...this.#at(path).xattrs.keys()])
  }
  override removexattr(path: string, name: string): unknown {
    return this.#do('removexattr', path, () => {
      if (!this.#at(path).xattrs.delete(name)) throw new FsError('ENODATA', name)
    })
  }
}

function item(mode: number): Item {
  return {
    mode,
    data: Buffer.alloc(0),
    target: '',
    uid: 0,
    gid: 0,
    rdev: 0,
    ino: 1,
    nlink: 1,
    atime: new Date(),
    mtime: new Date(),
    xattrs: new Map(),
  }
}
