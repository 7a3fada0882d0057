import { DiskError } from '../../error.js'
import { Attribute, AttributeType } from '../layout/attribute.js'
import { addAttribute, removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import { fitInode } from '../volume/fit.js'
import type { Inode } from '../volume/inode.js'
import { wayOf } from '../volume/nonresident.js'
import { readStream } from '../volume/stream.js'
import { truncateStream, writeStream } from '../volume/stream-write.js'
import { WOF_STREAM, WofFile, wofAlgorithm } from '../wof/wof-file.js'
import { markChanged, markModified } from './create.js'
import { checkName } from './names.js'
import { reparsePointOf } from './points.js'

/** One stream of a file. */
export interface StreamStatus {
  /** Empty for the file's contents proper. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly compressed: boolean
  readonly sparse: boolean
  readonly encrypted: boolean
}

/** The $DATA of a name; `EISDIR` for the contents of a directory, `ENODATA` when there is no such stream. */
export function streamOf(inode: Inode, name: string): Attribute {
  const found = inode.find(AttributeType.DATA, name)
  if (found !== undefined) return found
  if (inode.isDirectory && name === '') throw new DiskError('EISDIR', `${inode.someName} is a directory`)
  throw new DiskError('ENODATA', `${inode.someName} has no stream '${name}'`)
}

/** The streams of a file: its contents first, then the named ones in their order. */
export function streamsOf(inode: Inode): StreamStatus[] {
  return inode.all(AttributeType.DATA).map(({ name, dataSize, compressed, sparse, encrypted }) => ({
    name,
    size: dataSize,
    compressed,
    sparse,
    encrypted,
  }))
}

/** Adds an empty named stream; an existing one stays as it is. */
export function createStream(core: Core, inode: Inode, name: string): Attribute {
  const found = inode.find(AttributeType.DATA, name)
  if (found !== undefined) return found
  core.change()
  checkName(name, false)
  const attribute = new Attribute(AttributeType.DATA, name, new Uint8Array(0))
  addAttribute(core, inode, attribute)
  fitInode(core, inode)
  markChanged(core, inode)
  return attribute
}

export function removeStream(core: Core, inode: Inode, name: string): void {
  const attribute = streamOf(inode, name)
  if (name === '') throw new DiskError('EINVAL', 'the contents of a file cannot be removed as a stream')
  core.change()
  removeAttribute(core, inode, attribute)
  markChanged(core, inode)
}

/** The compressed contents of a file that Windows' overlay filter (WOF) has packed, or null for any other. */
function wofFile(core: Core, inode: Inode, data: Attribute): WofFile | null {
  const packed = inode.find(AttributeType.DATA, WOF_STREAM)
  if (packed === undefined) return null
  const point = reparsePointOf(core, inode)
  const algorithm = point === null ? null : wofAlgorithm(point)
  if (algorithm === null) return null
  const way = wayOf(inode, packed)
  return new WofFile(algorithm, data.dataSize, packed.dataSize, (position, buffer) =>
    readStream(core.storage, packed, position, buffer, 0, buffer.length, way),
  )
}

/** Writing to a packed file would need it unpacked first. */
function checkNotPacked(core: Core, inode: Inode, attribute: Attribute): void {
  if (attribute.name !== '' || wofFile(core, inode, attribute) === null) return
  throw new DiskError('ENOTSUP', `${inode.someName} is compressed by WOF`, {
    cure: 'Copy it to a new file and write that',
  })
}

/** Reads bytes; returns how many, fewer at the end of the stream. */
export function readFrom(
  core: Core,
  inode: Inode,
  stream: string,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number {
  const attribute = streamOf(inode, stream)
  if (stream === '') {
    const packed = wofFile(core, inode, attribute)
    if (packed !== null) return packed.read(position, buffer, offset, length)
  }
  return readStream(core.storage, attribute, position, buffer, offset, length, wayOf(inode, attribute))
}

export function writeTo(
  core: Core,
  inode: Inode,
  stream: string,
  position: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
): void {
  const attribute = streamOf(inode, stream)
  checkNotPacked(core, inode, attribute)
  core.change()
  writeStream(core, inode, attribute, position, buffer, offset, length)
  markModified(core, inode)
}

/** Sets the size of a stream. */
export function resize(core: Core, inode: Inode, stream: string, size: number): void {
  const attribute = streamOf(inode, stream)
  checkNotPacked(core, inode, attribute)
  core.change()
  truncateStream(core, inode, attribute, size)
  markModified(core, inode)
}
