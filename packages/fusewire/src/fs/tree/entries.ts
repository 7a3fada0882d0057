import { FsError } from '../../api/errors.js'
import type { Awaitable } from '../../api/path/path-filesystem.js'

/** Bytes of a file: text in UTF-8, or bytes. */
export type Content = string | Uint8Array

/** Content that is made when the file is opened: all at once, or piece by piece. */
export type Source = Content | Iterable<Content> | AsyncIterable<Content>

/** A file in a tree: fixed content, or a function that makes it each time the file is opened. */
export type Leaf = Content | (() => Awaitable<Source>) | AsyncIterable<Content> | TreeFile

/** What a name in a tree may stand for. */
export type Entry = Leaf | TreeLink | TreeDirectory | Directory

/** A directory: an object or a Map from names to entries. It is looked at live: change it and the mount changes. */
export type Directory = { readonly [name: string]: Entry } | ReadonlyMap<string, Entry>

/** Attributes that an entry may set. Permissions without the file type; times in milliseconds or as `Date`. */
export interface EntryAttributes {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtime?: number | Date
}

export interface FileParts extends EntryAttributes {
  /** Content, or the function that makes it at each open. Without it the file reads as empty. */
  readonly read?: Content | (() => Awaitable<Source>)
  /** Takes the whole new content when a writer closes the file. Makes the file writable; its error is close(2)'s. */
  readonly write?: (content: Buffer) => Awaitable<unknown>
  /**
   * Size in bytes where `read` is a function and the size is known before. Without it stat(2) shows 0, or what the last
   * open found, and reads bypass the page cache, as in /proc.
   */
  readonly size?: number
}

export class TreeFile {
  readonly parts: FileParts
  constructor(parts: FileParts) {
    this.parts = parts
  }
}

export class TreeLink {
  readonly target: string
  readonly attributes: EntryAttributes
  constructor(target: string, attributes: EntryAttributes) {
    this.target = target
    this.attributes = attributes
  }
}

export class TreeDirectory {
  readonly entries: Directory | (() => Awaitable<Directory>)
  readonly attributes: EntryAttributes
  constructor(entries: Directory | (() => Awaitable<Directory>), attributes: EntryAttributes) {
    this.entries = entries
    this.attributes = attributes
  }
}

/** A file with attributes, a size, or a setter. */
export const file = (parts: FileParts): TreeFile => new TreeFile(parts)

/** A symbolic link. */
export const symlink = (target: string, attributes: EntryAttributes = {}): TreeLink =>
  new TreeLink(target, attributes)

/** A directory with attributes, or a lazy one: the function is called whenever it is looked into. */
export const directory = (
  entries: Directory | (() => Awaitable<Directory>),
  attributes: EntryAttributes = {},
): TreeDirectory => new TreeDirectory(entries, attributes)

export type Kind = 'file' | 'directory' | 'link'

export function kindOf(entry: Entry): Kind {
  if (entry instanceof TreeLink) return 'link'
  if (entry instanceof TreeDirectory) return 'directory'
  if (typeof entry === 'string' || typeof entry === 'function') return 'file'
  if (entry instanceof Uint8Array || entry instanceof TreeFile) return 'file'
  if (isAsyncIterable(entry)) return 'file'
  if (isDirectory(entry)) return 'directory'
  throw new FsError(
    'EIO',
    `an entry of a tree is ${describe(entry)}: expected text, bytes, a function or an object`,
  )
}

/** Whether `kindOf` knows it: what a JavaScript program puts into its tree may be anything. */
export function isEntry(entry: unknown): entry is Entry {
  try {
    return kindOf(entry as Entry) !== undefined
  } catch {
    return false
  }
}

const isDirectory = (entry: unknown): entry is Directory =>
  typeof entry === 'object' && entry !== null && typeof (entry as { then?: unknown }).then !== 'function'

const describe = (value: unknown): string =>
  value === null ? 'null' : typeof value === 'object' ? 'a promise' : `of type ${typeof value}`

export const isAsyncIterable = (value: unknown): value is AsyncIterable<Content> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** The entry of a name; undefined when there is none. Inherited properties of an object are not names. */
export function entryOf(entries: Directory, name: string): Entry | undefined {
  if (entries instanceof Map) return entries.get(name)
  return Object.hasOwn(entries, name) ? (entries as { readonly [name: string]: Entry })[name] : undefined
}

export function namesOf(entries: Directory): string[] {
  const names = entries instanceof Map ? [...entries.keys()] : Object.keys(entries)
  return names.filter((name) => isName(name))
}

/** NAME_MAX of Linux, in bytes. */
export const NAME_MAX = 255

/** What cannot be a name in a directory cannot be shown: it is left out, and never found. */
const isName = (name: unknown): boolean =>
  typeof name === 'string' &&
  name !== '' &&
  name !== '.' &&
  name !== '..' &&
  !name.includes('/') &&
  !name.includes('\0') &&
  Buffer.byteLength(name) <= NAME_MAX

export function attributesOf(entry: Entry): EntryAttributes {
  if (entry instanceof TreeFile) return entry.parts
  if (entry instanceof TreeLink || entry instanceof TreeDirectory) return entry.attributes
  return {}
}

export const isWritable = (entry: Entry): boolean =>
  entry instanceof TreeFile && entry.parts.write !== undefined

export const bytesOf = (content: Content): Uint8Array =>
  typeof content === 'string' ? Buffer.from(content) : content
