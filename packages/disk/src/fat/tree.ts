/** What every volume tells of a file or directory. Times are milliseconds since 1970. */
export interface NodeInfo {
  directory: boolean
  /** Bytes. */
  size: number
  /** Bytes that it takes on the volume. */
  allocated: number
  ino: number
  /** The DOS attribute: not to be written. */
  readOnly: boolean
  /** DOS attribute bits. */
  attributes: number
  accessed: number
  modified: number
  created: number
}

/** As statfs(2) counts: blocks of `bsize` bytes. */
export interface TreeSpace {
  bsize: number
  blocks: number
  bfree: number
  bavail: number
  files: number
  ffree: number
  /** f_type of statfs(2): 0x4d44 MSDOS, 0x2011bab0 exFAT. */
  type: number
}

/**
 * A volume as a tree of nodes: what `VolumePromises` makes a `node:fs/promises` of. Everything is synchronous; a
 * method that changes something throws `EROFS` on a read-only volume. Names are compared as the volume does.
 */
export interface TreeVolume<N> {
  readonly readOnly: boolean
  readonly root: N
  /** Bytes. */
  readonly clusterSize: number
  /** The entry of that name, null without one. */
  lookup(dir: N, name: string): N | null
  list(dir: N): { name: string; node: N }[]
  info(node: N): NodeInfo
  /** Returns how many bytes were there to read. */
  read(node: N, position: number, buffer: Uint8Array, offset: number, length: number): number
  write(node: N, position: number, buffer: Uint8Array, offset: number, length: number): void
  truncate(node: N, size: number): void
  create(dir: N, name: string, directory: boolean): N
  /** Removes an entry; a directory must be empty. A retained file keeps its content until it is released. */
  remove(dir: N, name: string): void
  /** As rename(2): an existing target of the same kind is replaced; a directory only when it is empty. */
  rename(from: N, name: string, to: N, newName: string): void
  setTimes(node: N, accessed: number, modified: number): void
  setReadOnly(node: N, readOnly: boolean): void
  /** The node is held by an open file: it stays the same object through renames and removal. */
  retain(node: N): void
  release(node: N): void
  space(): TreeSpace
  sync(): void
}
