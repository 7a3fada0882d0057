import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirentReader } from '../../../src/abi/dirent.js'
import { Op } from '../../../src/abi/gen/opcodes.js'
import * as abi from '../../../src/abi/gen/structs.js'
import { type BackingNodes, ROOT_ID } from '../../../src/fs/passthrough/backing-nodes.js'
import type { PassthroughOptions } from '../../../src/fs/passthrough/options.js'
import { PassthroughFileSystem } from '../../../src/fs/passthrough/passthrough.js'
import { vfsCalls } from '../../../src/native/vfs.js'
import { BODY, Wire, type WireReply, type WireRequest } from '../../session/wire.js'

/** What an entry reply said. */
export interface Entry {
  node: number
  generation: number
  ino: number
  mode: number
  size: number
  nlink: number
}

export interface Listed {
  name: string
  cookieLow: number
  cookieHigh: number
  node: number
}

/** A passed-through temporary directory, driven by single requests through a real session. */
export class Tree {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'fusewire-passthrough-'))
  readonly fs: PassthroughFileSystem
  readonly wire: Wire

  constructor(options: PassthroughOptions = {}) {
    this.fs = new PassthroughFileSystem(this.dir, options)
    this.wire = Wire.start(this.fs, { entryTimeout: 0, attrTimeout: 0 })
  }

  path(...names: string[]): string {
    return join(this.dir, ...names)
  }

  /** Takes file handles away, as for an ordinary user or on a filesystem that has none. */
  withoutHandles(): void {
    const { nodes } = this.fs as unknown as { nodes: BackingNodes }
    const { device } = nodes.at(ROOT_ID)!
    if (device.handleFd >= 0) vfsCalls().vfsClose(device.handleFd)
    device.handleFd = -1
  }

  close(): void {
    this.wire.transport.disconnect()
    rmSync(this.dir, { recursive: true, force: true })
  }

  /** The reply, which must come at once. */
  call(request: WireRequest): WireReply {
    const reply = this.wire.call(request)
    assert.ok(reply !== undefined, `opcode ${request.opcode} was not answered at once`)
    return reply
  }
  /** The reply, whenever it comes. */
  later(request: WireRequest): Promise<WireReply> {
    return this.wire.wait(this.wire.send(request))
  }
  /** The reply of a request that must succeed. */
  ok(request: WireRequest): WireReply {
    const reply = this.call(request)
    assert.equal(reply.error, 0, `opcode ${request.opcode}`)
    return reply
  }
  error(request: WireRequest): number {
    return this.call(request).error
  }

  lookup(name: string, parent = 1): Entry {
    return entryOf(this.ok({ opcode: Op.LOOKUP, node: parent, names: [bytesOf(name)] }))
  }
  lookupError(name: string, parent = 1): number {
    return this.error({ opcode: Op.LOOKUP, node: parent, names: [bytesOf(name)] })
  }
  forget(node: number, count = 1): void {
    this.wire.send({ opcode: Op.FORGET, node, fill: (u, b) => abi.setForgetIn_nlookup(u, b, count) })
  }
  getattr(node: number): Entry {
    return attrOf(this.ok({ opcode: Op.GETATTR, node }), BODY + abi.ATTR_OUT_ATTR_WORD)
  }
  getattrError(node: number): number {
    return this.error({ opcode: Op.GETATTR, node })
  }

  mkdir(name: string, parent = 1, mode = 0o755, umask = 0): Entry {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setMkdirIn_mode(u, b, mode)
      abi.setMkdirIn_umask(u, b, umask)
    }
    return entryOf(this.ok({ opcode: Op.MKDIR, node: parent, names: [bytesOf(name)], fill }))
  }
  symlink(name: string, target: string): WireReply {
    return this.call({ opcode: Op.SYMLINK, names: [bytesOf(name), bytesOf(target)] })
  }
  link(node: number, name: string, parent = 1): Entry {
    const fill = (u: Uint32Array, b: number): void => abi.setLinkIn_oldnodeid(u, b, node)
    return entryOf(this.ok({ opcode: Op.LINK, node: parent, names: [bytesOf(name)], fill }))
  }
  unlink(name: string, parent = 1): number {
    return this.error({ opcode: Op.UNLINK, node: parent, names: [bytesOf(name)] })
  }
  rename(name: string, newName: string, parent = 1, newParent = 1, flags = 0): number {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setRename2In_newdir(u, b, newParent)
      abi.setRename2In_flags(u, b, flags)
    }
    return this.error({ opcode: Op.RENAME2, node: parent, names: [bytesOf(name), bytesOf(newName)], fill })
  }

  create(name: string, flags = 0o102, mode = 0o644, umask = 0): Entry & { handle: number } {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setCreateIn_flags(u, b, flags)
      abi.setCreateIn_mode(u, b, 0o100000 | mode)
      abi.setCreateIn_umask(u, b, umask)
    }
    const reply = this.ok({ opcode: Op.CREATE, names: [bytesOf(name)], fill })
    return { ...entryOf(reply), handle: abi.openOut_fh(reply.words, BODY + abi.ENTRY_OUT_WORDS) }
  }
  open(node: number, flags = 2): number {
    const fill = (u: Uint32Array, b: number): void => abi.setOpenIn_flags(u, b, flags)
    return abi.openOut_fh(this.ok({ opcode: Op.OPEN, node, fill }).words, BODY)
  }
  release(node: number, handle: number): void {
    const fill = (u: Uint32Array, b: number): void => abi.setReleaseIn_fh(u, b, handle)
    this.ok({ opcode: Op.RELEASE, node, fill })
  }
  write(node: number, handle: number, offset: number, data: string, flags = 0): number {
    const payload = Buffer.from(data, 'latin1')
    const fill = (u: Uint32Array, b: number): void => {
      abi.setWriteIn_fh(u, b, handle)
      abi.setWriteIn_offset(u, b, offset)
      abi.setWriteIn_size(u, b, payload.length)
      abi.setWriteIn_writeFlags(u, b, flags)
    }
    return abi.writeOut_size(this.ok({ opcode: Op.WRITE, node, fill, payload }).words, BODY)
  }
  /** The answer may come from the pool. */
  async read(node: number, handle: number, offset: number, size: number): Promise<string> {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setReadIn_fh(u, b, handle)
      abi.setReadIn_offset(u, b, offset)
      abi.setReadIn_size(u, b, size)
    }
    const reply = await this.later({ opcode: Op.READ, node, fill })
    assert.equal(reply.error, 0)
    return reply.bytes.subarray(BODY * 4).toString('latin1')
  }

  opendir(node = 1): number {
    return abi.openOut_fh(this.ok({ opcode: Op.OPENDIR, node }).words, BODY)
  }
  /** One readdir or readdirplus from a cookie on. */
  list(handle: number, cookieLow: number, cookieHigh: number, size: number, plus = false): Listed[] {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setReadIn_fh(u, b, handle)
      u[b + 2] = cookieLow
      u[b + 3] = cookieHigh
      abi.setReadIn_size(u, b, size)
    }
    const reply = this.ok({ opcode: plus ? Op.READDIRPLUS : Op.READDIR, fill })
    const reader = new DirentReader()
    reader.reset(reply.words, reply.bytes, BODY, reply.bytes.length - BODY * 4, plus)
    const found: Listed[] = []
    while (reader.next() === 1) {
      found.push({
        name: reply.bytes.toString('latin1', reader.name, reader.name + reader.nameLength),
        cookieLow: reply.words[reader.dirent + 2]!,
        cookieHigh: reply.words[reader.dirent + 3]!,
        node: plus ? abi.entryOut_nodeid(reply.words, reader.entry) : 0,
      })
    }
    return found
  }
  /** Every entry, by as many calls as it takes. */
  listAll(handle: number, size: number, plus = false): Listed[] {
    const all: Listed[] = []
    for (;;) {
      const last = all.at(-1)
      const more = this.list(handle, last?.cookieLow ?? 0, last?.cookieHigh ?? 0, size, plus)
      if (more.length === 0) return all
      all.push(...more)
    }
  }
}

/** Names have one character a byte. */
const bytesOf = (name: string): Uint8Array => Buffer.from(name, 'latin1')

function entryOf(reply: WireReply): Entry {
  const entry = attrOf(reply, BODY + abi.ENTRY_OUT_ATTR_WORD)
  entry.node = abi.entryOut_nodeid(reply.words, BODY)
  entry.generation = abi.entryOut_generation(reply.words, BODY)
  return entry
}

function attrOf({ words }: WireReply, at: number): Entry {
  return {
    node: 0,
    generation: 0,
    ino: abi.attr_ino(words, at),
    mode: abi.attr_mode(words, at),
    size: abi.attr_size(words, at),
    nlink: abi.attr_nlink(words, at),
  }
}
