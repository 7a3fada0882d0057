import { DiskError } from '../error.js'
import { setCompressed } from './files/compression.js'
import { createFile, linkFile } from './files/create.js'
import { type DirectoryEntry, list, lookup, lookupReference } from './files/directory.js'
import { linkPath } from './files/file-type.js'
import { type FileStatus, setAttributes, setTimes, statusOf } from './files/metadata.js'
import { checkName } from './files/names.js'
import { updateNames } from './files/names-of.js'
import { removeReparsePoint, reparsePointOf, setReparsePoint } from './files/points.js'
import { dropIfUnnamed, removeDirectory, unlinkFile } from './files/remove.js'
import { renameFile } from './files/rename.js'
import { descriptorOf, securityIdFor, setDescriptor } from './files/security.js'
import { allocateRange, type Extent, extentsOf, punchHole } from './files/space.js'
import {
  createStream,
  readFrom,
  removeStream,
  resize,
  type StreamStatus,
  streamsOf,
  writeTo,
} from './files/streams.js'
import { AttributeType } from './layout/attribute.js'
import { FIRST_USER_RECORD, SystemRecord } from './layout/reference.js'
import type { ReparsePoint } from './layout/reparse-point.js'
import { openDescriptor } from './layout/security-descriptor.js'
import type { Times } from './layout/standard-information.js'
import { OpenVolume } from './open-volume.js'
import type { NewFile } from './options.js'
import type { Inode } from './volume/inode.js'
import { trimStream } from './volume/stream-write.js'

/**
 * An NTFS volume whose files are named by the number of their MFT record.
 *
 * All operations are synchronous: metadata stays in memory, and changes reach the source with `flush` or `close`
 * (contents of files at once, into clusters that nothing on the medium uses yet). Between an operation and the next
 * flush the medium keeps the state of the flush before. Everything throws `DiskError`.
 */
export class RecordVolume extends OpenVolume {
  /** Number of the root directory. */
  static readonly ROOT: number = SystemRecord.ROOT

  #securityId: number | null = null

  /** Number of the file with a name, or null. */
  lookup(parent: number, name: string): number | null {
    const directory = this.inode(parent)
    const exact = lookupReference(this.core, directory, name)
    if (exact !== null) return this.core.open(exact).number
    if (this.options.ignoreCase !== true) return null
    return lookup(this.core, directory, name, true)?.reference.number ?? null
  }

  /** The directory entry of a name, or null. */
  entry(parent: number, name: string): DirectoryEntry | null {
    this.#updateNames()
    const found = lookup(this.core, this.inode(parent), name, this.options.ignoreCase === true)
    if (found !== null) this.core.open(found.reference)
    return found
  }

  /** Entries repeat times, sizes and attributes of files; those that have changed are brought up to date. */
  #updateNames(): void {
    const core = this.core
    if (core.readOnly) return
    for (const inode of core.stale) updateNames(core, inode)
    core.stale.clear()
  }

  /** The names of a directory, without `.` and the volume's own files. */
  *list(directory: number, after: string | null = null): Generator<DirectoryEntry> {
    this.#updateNames()
    for (const entry of list(this.core, this.inode(directory), after)) {
      if (directory === SystemRecord.ROOT && entry.reference.number < FIRST_USER_RECORD) continue
      yield entry
    }
  }

  status(number: number): FileStatus {
    return statusOf(this.core, this.inode(number))
  }

  /** The target of a link (Windows, junction, WSL, Interix) as a POSIX path, or null when the file is none. */
  readLink(number: number): string | null {
    return linkPath(this.core, this.inode(number))
  }

  /** Keeps a file until `release`, also when its last name goes away. */
  retain(number: number): void {
    this.inode(number).opens++
  }

  /** Lets go of a file: room taken ahead is given back, and a file without names is freed. */
  release(number: number): void {
    const inode = this.inode(number)
    if (inode.opens > 0) inode.opens--
    if (inode.opens > 0 || this.core.readOnly) return
    if (inode.orphan) dropIfUnnamed(this.core, inode)
    else for (const data of inode.all(AttributeType.DATA)) trimStream(this.core, inode, data)
  }

  /** Reads bytes of a stream; returns how many, fewer at its end. */
  read(
    number: number,
    position: number,
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    stream = '',
  ): number {
    return readFrom(this.core, this.inode(number), stream, position, buffer, offset, length)
  }

  /** Writes bytes of a stream, which grows as needed. */
  write(
    number: number,
    position: number,
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    stream = '',
  ): void {
    this.makeRoom(this.core.storage.clusters(length) + 32)
    writeTo(this.core, this.inode(number), stream, position, buffer, offset, length)
  }

  /** Sets the size of a stream; new bytes are zeros. */
  truncate(number: number, size: number, stream = ''): void {
    this.makeRoom(32)
    resize(this.core, this.inode(number), stream, size)
  }

  /** Takes clusters for a range; see `allocateRange`. */
  allocate(number: number, position: number, length: number, keepSize = false, stream = ''): void {
    this.makeRoom(this.core.storage.clusters(length) + 32)
    allocateRange(this.core, this.inode(number), stream, position, length, keepSize)
  }

  /** Makes a range read as zeros and gives its clusters back; see `punchHole`. */
  punch(number: number, position: number, length: number, stream = ''): void {
    this.makeRoom(32)
    punchHole(this.core, this.inode(number), stream, position, length)
  }

  /** Which parts of a stream are data and which are holes. */
  extents(number: number, stream = ''): Extent[] {
    return extentsOf(this.core, this.inode(number), stream)
  }

  #securityIdOf(file: NewFile): number {
    if (file.descriptor !== undefined) return securityIdFor(this.core, file.descriptor)
    this.#securityId ??= securityIdFor(this.core, openDescriptor())
    return this.#securityId
  }

  #create(parent: number, name: string, directory: boolean, file: NewFile): Inode {
    checkName(name, this.options.windowsNames === true)
    this.makeRoomForName()
    const inode = this.inode(parent)
    this.#checkCase(inode, name)
    this.core.change()
    const securityId = this.#securityIdOf(file)
    return createFile(this.core, inode, name, { directory, securityId, ...file })
  }

  /** With `ignoreCase`, a name that differs in case is taken. */
  #checkCase(parent: Inode, name: string): void {
    if (this.options.ignoreCase !== true || lookup(this.core, parent, name, true) === null) return
    throw new DiskError('EEXIST', `a file named '${name}' exists in ${parent.someName}`)
  }

  /** A new empty file; returns its number. */
  create(parent: number, name: string, file: NewFile = {}): number {
    return this.#create(parent, name, false, file).number
  }

  mkdir(parent: number, name: string, file: NewFile = {}): number {
    return this.#create(parent, name, true, file).number
  }

  /** A new file or directory that is a reparse point, such as a link. */
  createReparsePoint(
    parent: number,
    name: string,
    value: Uint8Array,
    directory = false,
    file: NewFile = {},
  ): number {
    const inode = this.#create(parent, name, directory, file)
    setReparsePoint(this.core, inode, value)
    return inode.number
  }

  link(number: number, parent: number, name: string): void {
    checkName(name, this.options.windowsNames === true)
    this.makeRoomForName()
    const directory = this.inode(parent)
    this.#checkCase(directory, name)
    linkFile(this.core, this.inode(number), directory, name)
  }

  unlink(parent: number, name: string): void {
    this.makeRoom(0)
    unlinkFile(this.core, this.inode(parent), this.#realName(parent, name))
  }

  rmdir(parent: number, name: string): void {
    this.makeRoom(0)
    removeDirectory(this.core, this.inode(parent), this.#realName(parent, name))
  }

  /** Renames as rename(2). @param replace false: a file at the new name is `EEXIST`. */
  rename(from: number, oldName: string, to: number, newName: string, replace = true): void {
    checkName(newName, this.options.windowsNames === true)
    this.makeRoomForName()
    const old = this.#realName(from, oldName)
    const target = this.#realName(to, newName)
    // A change of case alone keeps the new spelling.
    const same = from === to && target === old
    renameFile(this.core, this.inode(from), old, this.inode(to), same ? newName : target, replace)
  }

  /** The spelling on the disk. */
  #realName(parent: number, name: string): string {
    if (this.options.ignoreCase !== true) return name
    return lookup(this.core, this.inode(parent), name, true)?.name ?? name
  }

  setTimes(number: number, times: Partial<Times>): void {
    setTimes(this.core, this.inode(number), times)
  }

  /** Sets the DOS attributes READONLY, HIDDEN, SYSTEM, ARCHIVE, TEMPORARY, OFFLINE and NOT_CONTENT_INDEXED. */
  setAttributes(number: number, attributes: number): void {
    setAttributes(this.core, this.inode(number), attributes)
  }

  /**
   * Turns LZNT1 compression on or off: for a file, of its contents; for a directory, of what is created in it later.
   *
   * @throws `ENOTSUP` with clusters above 4 KiB, for which the format has no compression.
   */
  setCompressed(number: number, compressed: boolean): void {
    this.makeRoom(32)
    setCompressed(this.core, this.inode(number), compressed)
  }

  streams(number: number): StreamStatus[] {
    return streamsOf(this.inode(number))
  }

  createStream(number: number, name: string): void {
    this.makeRoom(0)
    createStream(this.core, this.inode(number), name)
  }

  removeStream(number: number, name: string): void {
    removeStream(this.core, this.inode(number), name)
  }

  reparsePoint(number: number): ReparsePoint | null {
    return reparsePointOf(this.core, this.inode(number))
  }

  setReparsePoint(number: number, value: Uint8Array): void {
    this.makeRoom(0)
    setReparsePoint(this.core, this.inode(number), value)
  }

  removeReparsePoint(number: number): void {
    this.core.change()
    removeReparsePoint(this.core, this.inode(number))
  }

  /** The self-relative security descriptor, or null. */
  securityDescriptor(number: number): Uint8Array | null {
    return descriptorOf(this.core, this.inode(number))
  }

  setSecurityDescriptor(number: number, descriptor: Uint8Array): void {
    this.makeRoom(0)
    setDescriptor(this.core, this.inode(number), descriptor)
  }
}
