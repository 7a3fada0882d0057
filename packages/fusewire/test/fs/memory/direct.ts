import assert from 'node:assert/strict'
import * as abi from '../../../src/abi/gen/structs.js'
import type { ReplyArea, RequestArea } from '../../../src/api/area.js'
import type { InitRequest, Negotiated, PollHandle } from '../../../src/api/connection.js'
import { FATTR } from '../../../src/api/constants.js'
import { DataOut } from '../../../src/api/data-out.js'
import { DirOut, DirPlusOut } from '../../../src/api/dir-out.js'
import { AttrOut, CreateOut, EntryOut, LockOut, OpenOut, StatfsOut } from '../../../src/api/outs.js'
import { Request, type Result } from '../../../src/api/request.js'
import { SetattrIn } from '../../../src/api/setattr-in.js'
import { StatxOut } from '../../../src/api/statx-out.js'
import { type MemoryFileSystem, memory } from '../../../src/fs/memory/filesystem.js'
import type { MemoryOptions } from '../../../src/fs/memory/options.js'

/** Memory for a reply that no session stands behind. */
export function replyArea(bytes: number): ReplyArea {
  const replyWords = new Uint32Array(Math.ceil(bytes / 4) + 8)
  return {
    replyWords,
    replyBytes: new Uint8Array(replyWords.buffer),
    body: 4,
    bodyLimit: bytes,
    pinReply: () => {},
  }
}

/** What setattr may be told; times in [seconds, nanoseconds]. */
export interface Change {
  mode?: number
  uid?: number
  gid?: number
  size?: number
  atime?: readonly [number, number] | 'now'
  mtime?: readonly [number, number] | 'now'
  kill?: boolean
}

/** The attributes that a reply gave. */
export interface Stat {
  ino: number
  mode: number
  size: number
  blocks: number
  nlink: number
  uid: number
  gid: number
  atime: readonly [number, number]
  mtime: readonly [number, number]
  ctime: readonly [number, number]
}

/** Calls a memory filesystem as the session would, one request at a time, without a session. */
export class Direct {
  readonly fs: MemoryFileSystem
  readonly #reply = replyArea(1 << 20)
  readonly #requestArea: RequestArea = { words: new Uint32Array(64), header: 0, op: 10 }
  readonly req: Request
  readonly woken: PollHandle[] = []
  readonly invalidated: number[] = []
  abort = new AbortController()

  constructor(options: MemoryOptions = {}) {
    this.fs = memory({ uid: 0, gid: 0, ...options })
    this.req = new Request(this.#requestArea, {
      signal: () => this.abort.signal,
      defer: () => assert.fail('nothing is deferred'),
    })
    const notify = {
      poll: async (wake: PollHandle) => void this.woken.push(wake),
      invalInode: async (node: number) => void this.invalidated.push(node),
    }
    const init: Partial<InitRequest> = { want: () => {}, avoid: () => {}, notify: notify as never }
    this.fs.init(init as InitRequest)
    this.fs.ready({ features: new Set() } as unknown as Negotiated)
  }

  /** Who asks from now on. */
  as(uid: number, gid: number, umask = 0): this {
    abi.setInHeader_uid(this.#requestArea.words, 0, uid)
    abi.setInHeader_gid(this.#requestArea.words, 0, gid)
    this.req.umask = umask
    return this
  }

  /** The lock owner and the flags of the next calls. */
  with(fields: { owner?: number; io?: number; file?: number }): this {
    this.req.hasLockOwner = fields.owner !== undefined
    this.req.lockOwnerLow = fields.owner ?? 0
    this.req.lockOwnerHigh = 0
    this.req.ioFlags = fields.io ?? 0
    this.req.fileFlags = fields.file ?? 0
    return this
  }

  #clear(): ReplyArea {
    this.#reply.replyWords.fill(0, 0, 128)
    return this.#reply
  }

  #entry(run: (out: EntryOut) => Result): number {
    const out = new EntryOut(this.#clear())
    const result = run(out)
    assert.equal(typeof result, 'number')
    return result === 0 ? (out.takeNegative() ? -2 : out.nodeId) : (result as number)
  }

  /** These answer a node id, or a negative errno. */
  lookup = (parent: number, name: string): number =>
    this.#entry((out) => this.fs.lookup(this.req, parent, name, out))
  mkdir = (parent: number, name: string, mode = 0o755): number =>
    this.#entry((out) => this.fs.mkdir(this.req, parent, name, mode, out))
  mknod = (parent: number, name: string, mode = 0o100644, rdev = 0): number =>
    this.#entry((out) => this.fs.mknod(this.req, parent, name, mode, rdev, out))
  symlink = (parent: number, name: string, target: string): number =>
    this.#entry((out) => this.fs.symlink(this.req, parent, name, target, out))
  link = (node: number, parent: number, name: string): number =>
    this.#entry((out) => this.fs.link(this.req, node, parent, name, out))
  generation(parent: number, name: string): number {
    const out = new EntryOut(this.#clear())
    assert.equal(this.fs.lookup(this.req, parent, name, out), 0)
    return abi.entryOut_generation(this.#reply.replyWords, this.#reply.body)
  }

  /** Answers [node, handle], or fails. */
  create(parent: number, name: string, mode = 0o644, flags = 0x42): readonly [number, number] {
    return this.#opened((out) => this.fs.create(this.req, parent, name, mode, flags, out))
  }
  tmpfile(parent: number, mode = 0o600, flags = 0x410002): readonly [number, number] {
    return this.#opened((out) => this.fs.tmpfile(this.req, parent, mode, flags, out))
  }
  #opened(run: (out: CreateOut) => Result): readonly [number, number] {
    const out = new CreateOut(this.#clear())
    assert.equal(run(out), 0)
    return [out.entry.nodeId, out.open.handle]
  }
  open(node: number, flags = 2): readonly [handle: number, flags: number] {
    const out = new OpenOut(this.#clear())
    assert.equal(this.fs.open(this.req, node, flags, out), 0)
    return [out.handle, out.flags]
  }

  read(node: number, offset: number, size: number): Buffer {
    return this.#data(size, (out) => this.fs.read(this.req, node, 0, offset, size, out))
  }
  readlink = (node: number): string =>
    this.#data(4095, (out) => this.fs.readlink(this.req, node, out)).toString('latin1')
  getxattr(node: number, name: string): Buffer | number {
    const out = new DataOut(this.#clear())
    out.reset(65536)
    const result = this.fs.getxattr(this.req, node, name, 65536, out)
    return result === 0 ? this.#taken(out) : (result as number)
  }
  listxattr = (node: number): string[] =>
    this.#data(65536, (out) => this.fs.listxattr(this.req, node, 65536, out))
      .toString('latin1')
      .split('\0')
      .slice(0, -1)
  setxattr = (node: number, name: string, value: Uint8Array | string, flags = 0): Result =>
    this.fs.setxattr(this.req, node, name, typeof value === 'string' ? Buffer.from(value) : value, flags)

  #data(size: number, run: (out: DataOut) => Result): Buffer {
    const out = new DataOut(this.#clear())
    out.reset(size)
    assert.equal(run(out), 0)
    assert.ok(!out.overflow)
    return this.#taken(out)
  }
  #taken(out: DataOut): Buffer {
    const from = out.body ?? this.#reply.replyBytes
    const start = out.body === null ? this.#reply.body * 4 : out.bodyStart
    return Buffer.from(from.subarray(start, start + out.length))
  }

  stat(node: number): Stat {
    const out = new AttrOut(this.#clear())
    assert.equal(this.fs.getattr(this.req, node, undefined, out), 0)
    return this.#stat(out)
  }
  setattr(node: number, change: Change): Stat | number {
    this.#putChange(change)
    const out = new AttrOut(this.#clear())
    const result = this.fs.setattr(this.req, node, new SetattrIn(this.#requestArea), out)
    return result === 0 ? this.#stat(out) : (result as number)
  }
  #stat(out: AttrOut): Stat {
    const { words, index } = out.attr
    return {
      ino: abi.attr_ino(words, index),
      mode: abi.attr_mode(words, index),
      size: abi.attr_size(words, index),
      blocks: abi.attr_blocks(words, index),
      nlink: abi.attr_nlink(words, index),
      uid: abi.attr_uid(words, index),
      gid: abi.attr_gid(words, index),
      atime: [abi.attr_atime(words, index), abi.attr_atimensec(words, index)],
      mtime: [abi.attr_mtime(words, index), abi.attr_mtimensec(words, index)],
      ctime: [abi.attr_ctime(words, index), abi.attr_ctimensec(words, index)],
    }
  }
  #putChange(change: Change): void {
    const { words, op } = this.#requestArea
    words.fill(0, op)
    let valid = change.kill ? FATTR.KILL_SUIDGID : 0
    if (change.mode !== undefined) valid |= FATTR.MODE
    if (change.uid !== undefined) valid |= FATTR.UID
    if (change.gid !== undefined) valid |= FATTR.GID
    if (change.size !== undefined) valid |= FATTR.SIZE
    if (change.atime !== undefined) valid |= FATTR.ATIME | (change.atime === 'now' ? FATTR.ATIME_NOW : 0)
    if (change.mtime !== undefined) valid |= FATTR.MTIME | (change.mtime === 'now' ? FATTR.MTIME_NOW : 0)
    abi.setSetattrIn_valid(words, op, valid)
    abi.setSetattrIn_mode(words, op, change.mode ?? 0)
    abi.setSetattrIn_uid(words, op, change.uid ?? 0)
    abi.setSetattrIn_gid(words, op, change.gid ?? 0)
    abi.setSetattrIn_size(words, op, change.size ?? 0)
    if (Array.isArray(change.atime)) {
      abi.setSetattrIn_atime(words, op, change.atime[0])
      abi.setSetattrIn_atimensec(words, op, change.atime[1])
    }
    if (Array.isArray(change.mtime)) {
      abi.setSetattrIn_mtime(words, op, change.mtime[0])
      abi.setSetattrIn_mtimensec(words, op, change.mtime[1])
    }
  }

  /** Names and cookies of one readdir. */
  readdir(node: number, offset: number, limit: number): (readonly [name: string, cookie: number])[] {
    const area = this.#clear()
    const out = new DirOut(area)
    out.reset(limit, 'latin1')
    assert.equal(this.fs.readdir(this.req, node, 0, offset, out), 0)
    return records(area, out.length, 0)
  }
  readdirplus(node: number, offset: number, limit: number): (readonly [name: string, cookie: number])[] {
    const area = this.#clear()
    const out = new DirPlusOut(area)
    out.reset(limit, 'latin1')
    assert.equal(this.fs.readdirplus(this.req, node, 0, offset, out), 0)
    return records(area, out.length, abi.ENTRY_OUT_SIZE)
  }

  /** Birth time in seconds. */
  birth(node: number): number {
    const out = new StatxOut(this.#clear())
    assert.equal(this.fs.statx(this.req, node, undefined, 0xfff, 0, out), 0)
    return out.words[out.index + 20] ?? 0
  }

  statfs(): { blocks: number; bfree: number; files: number; ffree: number } {
    const { replyWords, body } = this.#clear()
    assert.equal(this.fs.statfs(this.req, 1, new StatfsOut(this.#reply)), 0)
    return {
      blocks: abi.kstatfs_blocks(replyWords, body),
      bfree: abi.kstatfs_bfree(replyWords, body),
      files: abi.kstatfs_files(replyWords, body),
      ffree: abi.kstatfs_ffree(replyWords, body),
    }
  }

  setlk(
    owner: number,
    node: number,
    handle: number,
    type: number,
    range: readonly [number, number],
    wait = false,
  ) {
    this.with({ owner })
    const lock = { start: range[0], end: range[1], type, pid: owner }
    return this.fs.setlk(this.req, node, handle, lock, wait, false)
  }
  flock(owner: number, node: number, handle: number, type: number, wait = false) {
    this.with({ owner })
    return this.fs.setlk(this.req, node, handle, { start: 0, end: Infinity, type, pid: owner }, wait, true)
  }
  /** Type and pid of the lock in the way. */
  getlk(
    owner: number,
    node: number,
    type: number,
    range: readonly [number, number],
  ): readonly [number, number] {
    this.with({ owner })
    const area = this.#clear()
    const lock = { start: range[0], end: range[1], type, pid: owner }
    assert.equal(this.fs.getlk(this.req, node, 0, lock, new LockOut(area)), 0)
    return [abi.fileLock_type(area.replyWords, area.body), abi.fileLock_pid(area.replyWords, area.body)]
  }
}

function records(area: ReplyArea, length: number, before: number): (readonly [string, number])[] {
  const list: (readonly [string, number])[] = []
  for (let at = area.body * 4; at < area.body * 4 + length; ) {
    const dirent = (at + before) / 4
    const nameLength = abi.dirent_namelen(area.replyWords, dirent)
    const name = at + before + abi.DIRENT_SIZE
    list.push([
      Buffer.from(area.replyBytes.subarray(name, name + nameLength)).toString('latin1'),
      area.replyWords[dirent + 2] ?? 0,
    ])
    at = name + Math.ceil(nameLength / 8) * 8
  }
  return list
}
