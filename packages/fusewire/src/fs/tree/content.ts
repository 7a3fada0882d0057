import type { DataOut } from '../../api/data-out.js'
import { FsError } from '../../api/errors.js'
import { bytesOf, type Content, type Entry, isAsyncIterable, type Source, TreeFile } from './entries.js'

/** An open file of a tree. */
export interface OpenContent {
  /** Bytes, where they are known. */
  readonly size: number | undefined
  read(offset: number, size: number, out: DataOut): number | Promise<number>
  close(): Promise<void> | void
}

/** Content that is whole in memory. */
export class WholeContent implements OpenContent {
  readonly #bytes: Uint8Array
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }
  get size(): number {
    return this.#bytes.length
  }
  read(offset: number, size: number, out: DataOut): number {
    const end = this.#bytes.length
    out.reference(this.#bytes, Math.min(offset, end), Math.min(offset + size, end))
    return 0
  }
  close(): void {}
}

/**
 * Content that comes piece by piece. Only what has not been read yet is kept, so a stream may be endless; the file
 * cannot be seeked (FOPEN_STREAM).
 */
export class StreamContent implements OpenContent {
  readonly size = undefined
  readonly #iterator: AsyncIterator<Content> | Iterator<Content>
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false
  /** Reads of one handle follow each other; the next waits for the last. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(source: AsyncIterable<Content> | Iterable<Content>) {
    this.#iterator = isAsyncIterable(source)
      ? source[Symbol.asyncIterator]()
      : (source as Iterable<Content>)[Symbol.iterator]()
  }

  read(_offset: number, size: number, out: DataOut): Promise<number> {
    const turn = this.#turn.then(() => this.#next(size, out))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** At least one byte, unless the stream has ended: a reader shall see each piece when it is there. */
  async #next(size: number, out: DataOut): Promise<number> {
    while (this.#rest.length === 0 && !this.#ended) {
      const next = await this.#iterator.next()
      if (next.done) this.#ended = true
      else this.#rest = bytesOf(next.value)
    }
    out.copy(this.#rest, 0, Math.min(size, this.#rest.length))
    this.#rest = this.#rest.subarray(Math.min(size, this.#rest.length))
    return 0
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#iterator.return?.()
  }
}

/** Content under change by a writer; the setter gets it whole when the writer closes. */
export class WrittenContent implements OpenContent {
  readonly #setter: (content: Buffer) => unknown
  #bytes: Buffer
  #length: number
  #dirty: boolean
  /** Open writers that share this content. */
  users = 0

  constructor(setter: (content: Buffer) => unknown, start: Uint8Array, dirty: boolean) {
    this.#setter = setter
    this.#bytes = Buffer.from(start)
    this.#length = start.length
    this.#dirty = dirty
  }

  get size(): number {
    return this.#length
  }

  read(offset: number, size: number, out: DataOut): number {
    out.copy(this.#bytes, Math.min(offset, this.#length), Math.min(offset + size, this.#length))
    return 0
  }

  /** @param offset where, or undefined to append: the kernel does not know the size of what is made at open */
  write(at: number | undefined, data: Uint8Array): number {
    const offset = at ?? this.#length
    this.#reserve(offset + data.length)
    this.#bytes.set(data, offset)
    this.#length = Math.max(this.#length, offset + data.length)
    this.#dirty = true
    return data.length
  }

  truncate(size: number): void {
    this.#reserve(size)
    if (size < this.#length) this.#bytes.fill(0, size, this.#length)
    this.#length = size
    this.#dirty = true
  }

  /** Hands the content to the setter if it was changed since. */
  async flush(): Promise<void> {
    if (!this.#dirty) return
    this.#dirty = false
    await this.#setter(Buffer.from(this.#bytes.subarray(0, this.#length)))
  }

  async close(): Promise<void> {
    await this.flush()
  }

  #reserve(size: number): void {
    if (size > CONTENT_MAX)
      throw new FsError('EFBIG', `${size} bytes for a setter that takes ${CONTENT_MAX} at most`)
    if (size <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.min(CONTENT_MAX, Math.max(size, this.#bytes.length * 2)))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** A setter gets its content as one Buffer; larger than this it is no small writable leaf any more. */
const CONTENT_MAX = 1024 * 1024 * 1024

const isWhole = (source: Source): source is Content =>
  typeof source === 'string' || source instanceof Uint8Array

/** Opens an entry for reading: evaluates what is to be evaluated. */
export async function openSource(entry: Entry): Promise<OpenContent> {
  const given = entry instanceof TreeFile ? (entry.parts.read ?? '') : entry
  const source = (typeof given === 'function' ? await given() : given) as Source
  if (isWhole(source)) return new WholeContent(bytesOf(source))
  const iterable = source as Partial<AsyncIterable<Content> & Iterable<Content>> | null | undefined
  if (iterable?.[Symbol.asyncIterator] !== undefined || iterable?.[Symbol.iterator] !== undefined) {
    return new StreamContent(source as AsyncIterable<Content>)
  }
  throw new FsError(
    'EIO',
    `a leaf gave ${source === null ? 'null' : typeof source}, expected text, bytes or pieces of them`,
  )
}

/** The whole content of an entry, however it is made. */
export async function wholeSource(entry: Entry): Promise<Uint8Array> {
  const given = entry instanceof TreeFile ? (entry.parts.read ?? '') : entry
  const source = (typeof given === 'function' ? await given() : given) as Source
  if (isWhole(source)) return bytesOf(source)
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(bytesOf(piece))
  return Buffer.concat(pieces)
}

/** The bytes of an entry that is fixed; undefined when it has to be evaluated. */
export function fixedContent(entry: Entry): Content | undefined {
  const given = entry instanceof TreeFile ? entry.parts.read : entry
  if (typeof given === 'string' || given instanceof Uint8Array) return given
  return entry instanceof TreeFile && given === undefined ? '' : undefined
}
