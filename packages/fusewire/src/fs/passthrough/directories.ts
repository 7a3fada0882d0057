import { constants } from 'node:fs'
import type { DirOut, DirPlusOut } from '../../api/dir-out.js'
import { errno } from '../../api/errors.js'
import type { OpenOut } from '../../api/outs.js'
import type { Request, Result } from '../../api/request.js'
import { AHEAD_BYTES, FOUND, FOUND_WORDS, IO } from '../../native/vfs.js'
import type { Device } from './device.js'
import { FileOperations } from './files.js'
import type { Handle } from './handles.js'
import { birthOf, type Identity, type Node, typeOf } from './node.js'

const EBADF = -errno.EBADF
const { O_DIRECTORY } = constants
/** One readdirplus answers at most so many names; the kernel asks for the rest. */
const FOUND_MAX = 1024
/** Bytes of `struct fuse_entry_out` and `struct fuse_dirent`, behind which the name lies. */
const NAME_OFFSET = 152

/** Open directories. */
export abstract class DirectoryOperations extends FileOperations {
  #found: Uint32Array | null = null

  override opendir(req: Request, id: number, _flags: number, out: OpenOut): Result {
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    if (!node.isDirectory) return -errno.ENOTDIR
    this.as(req)
    const fd = this.descriptors.of(node)
    if (fd < 0) return fd
    const dir = this.descriptors.withRoom(() => this.vfs.vfsOpen(this.io, fd, O_DIRECTORY))
    if (dir < 0) return dir
    out.handle = this.handles.add(node, dir, O_DIRECTORY)
    return 0
  }

  override readdir(req: Request, _id: number, handle: number, _offset: number, out: DirOut): Result {
    const dir = this.handles.get(handle)
    if (dir === undefined) return EBADF
    const { bytes, start, limit } = out
    const { salt } = dir.node.device
    const { cookieLow, cookieHigh } = req
    const length = this.vfs.vfsReaddir(
      this.io,
      dir.fd,
      aheadOf(dir),
      cookieLow,
      cookieHigh,
      bytes,
      start,
      limit,
      salt,
    )
    if (length < 0) return length
    out.wrote(length)
    return 0
  }

  override readdirplus(req: Request, _id: number, handle: number, _offset: number, out: DirPlusOut): Result {
    const dir = this.handles.get(handle)
    if (dir === undefined) return EBADF
    this.asFinder(req)
    this.#found ??= new Uint32Array(FOUND_MAX * FOUND_WORDS)
    const { bytes, start, limit } = out
    const { salt } = dir.node.device
    const { cookieLow, cookieHigh } = req
    const length = this.vfs.vfsReaddirplus(
      this.io,
      dir.fd,
      aheadOf(dir),
      cookieLow,
      cookieHigh,
      bytes,
      start,
      limit,
      salt,
      this.#found,
    )
    if (length < 0) return length
    out.wrote(length)
    this.#fillEntries(dir.node, this.#found, this.io[IO.partial]!, start, out)
    return 0
  }

  /** Gives each record its node. "." and ".." and what has gone meanwhile have no mode and stay without. */
  #fillEntries(dir: Node, found: Uint32Array, count: number, start: number, out: DirPlusOut): void {
    for (let i = 0; i < count; i++) {
      const at = i * FOUND_WORDS
      if (found[at + FOUND.mode] === 0) continue
      const word = start / 4 + found[at + FOUND.entryWord]!
      const device = this.#plusDevice(dir.device, found, at)
      // Names on other mounts are left to lookup, which finds out what lies there.
      if (device === null || !device.local) continue
      const node = this.#plusNode(dir, device, found, at, word, out)
      this.reference(node, out.entryAt(word))
    }
  }

  #plusDevice(near: Device, found: Uint32Array, at: number): Device | null {
    return found[at + FOUND.devMajor] === near.major && found[at + FOUND.devMinor] === near.minor
      ? near
      : null
  }

  /** A new node gets no descriptor yet: most entries of a listing are never used otherwise. */
  #plusNode(dir: Node, device: Device, found: Uint32Array, at: number, word: number, out: DirPlusOut): Node {
    const { io } = this
    io[IO.inoLow] = found[at + FOUND.inoLow]!
    io[IO.inoHigh] = found[at + FOUND.inoHigh]!
    io[IO.mode] = found[at + FOUND.mode]!
    io[IO.birthLow] = found[at + FOUND.birthLow]!
    io[IO.birthHigh] = found[at + FOUND.birthHigh]!
    io[IO.birthNsec] = found[at + FOUND.birthNsec]!
    const known = this.nodes.find(device, io)
    if (known !== undefined && known.fd >= 0) return known
    const begin = word * 4 + NAME_OFFSET
    const name = latin1(out.bytes, begin, begin + found[at + FOUND.nameLength]!)
    if (known !== undefined) {
      known.parent = dir
      known.name = name
      return known
    }
    return this.nodes.add(device, identityAt(found, at), dir, name)
  }

  override releasedir(_req: Request, _id: number, handle: number): Result {
    return this.handles.release(handle) === undefined ? EBADF : 0
  }

  override fsyncdir(req: Request, _id: number, handle: number, datasync: boolean): Result {
    const dir = this.handles.get(handle)
    if (dir === undefined) return EBADF
    return this.onPool(req, [dir], (done) => this.vfs.vfsFsyncAsync(dir.fd, datasync, done))
  }

  override syncfs(req: Request, id: number): Result {
    this.as(req)
    const node = this.nodes.at(id)
    if (node === undefined) return -errno.ESTALE
    const fd = this.descriptors.of(node)
    const dir = fd < 0 ? fd : this.vfs.vfsReopen(fd, O_DIRECTORY)
    if (dir < 0) return dir
    return this.onPool(
      req,
      [],
      (done) => this.vfs.vfsSyncfsAsync(dir, done),
      (result) => {
        this.vfs.vfsClose(dir)
        return result
      },
    )
  }
}

function aheadOf(dir: Handle): Uint8Array {
  dir.ahead ??= new Uint8Array(AHEAD_BYTES)
  return dir.ahead
}

function identityAt(found: Uint32Array, at: number): Identity {
  const birth = birthOf(
    found[at + FOUND.birthLow]!,
    found[at + FOUND.birthHigh]!,
    found[at + FOUND.birthNsec]!,
  )
  const mode = found[at + FOUND.mode]!
  return { low: found[at + FOUND.inoLow]!, high: found[at + FOUND.inoHigh]!, type: typeOf(mode), birth }
}

const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
