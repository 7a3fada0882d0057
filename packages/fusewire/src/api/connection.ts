import type { InitFlagName } from '../abi/gen/flags.js'

/** What the kernel and the session agreed on when the mount began (FUSE_INIT). */
export interface Negotiated {
  /** ABI version in force: the smaller of the kernel's and ours. */
  readonly major: number
  readonly minor: number
  /** The kernel's own minor. */
  readonly kernelMinor: number
  /** Features that are on. */
  readonly features: ReadonlySet<InitFlagName>
  /** Features that the kernel offered. */
  readonly offered: ReadonlySet<InitFlagName>
  /** Features that were wished for and are off, with the reason. */
  readonly refused: ReadonlyMap<InitFlagName, string>
  /** Largest write in one request, bytes. */
  readonly maxWrite: number
  /** Largest read in one request, bytes (pages of 4096). */
  readonly maxRead: number
  readonly maxReadahead: number
  readonly maxBackground: number
  readonly congestionThreshold: number
  /** Granularity of times in nanoseconds. */
  readonly timeGran: number
}

/**
 * Messages from the filesystem to the kernel (FUSE_NOTIFY_*). Each resolves when the kernel has taken it, and rejects
 * with an `FsError` (ENOENT: the kernel does not know the node or name, usually harmless). They are written by a
 * thread of their own, so they never dead-lock against a request of the same inode that waits for this process.
 */
export interface Notify {
  /** Wakes those who poll the handle that poll() was asked about (NOTIFY_POLL). */
  poll(handle: PollHandle): Promise<void>
  /**
   * Drops cached attributes, and cached data from `offset` on (NOTIFY_INVAL_INODE).
   * @param offset bytes; below 0: attributes only
   * @param length bytes; 0: to the end
   */
  invalInode(node: number, offset?: number, length?: number): Promise<void>
  /** Drops a cached name (NOTIFY_INVAL_ENTRY); with `expireOnly` it is only asked for again at its next use. */
  invalEntry(parent: number, name: string | Uint8Array, options?: { expireOnly?: boolean }): Promise<void>
  /** Tells the kernel that a name was removed, so that watchers see it (NOTIFY_DELETE). */
  delete(parent: number, child: number, name: string | Uint8Array): Promise<void>
  /** Puts data into the page cache of a regular file (NOTIFY_STORE). */
  store(node: number, offset: number, data: Uint8Array): Promise<void>
  /** Reads cached data back out of the page cache: contiguous cached bytes from `offset`, maybe none (NOTIFY_RETRIEVE). */
  retrieve(node: number, offset: number, size: number): Promise<Uint8Array>
  /** Asks for every unanswered request once more (NOTIFY_RESEND). */
  resend(): Promise<void>
  /** Makes all cached names be asked for again (NOTIFY_INC_EPOCH). */
  incEpoch(): Promise<void>
  /** Drops unused nodes from the kernel's cache (NOTIFY_PRUNE). */
  prune(nodes: readonly number[]): Promise<void>
}

/** The kernel's name for one waiting poll, as poll() received it. */
export interface PollHandle {
  readonly low: number
  readonly high: number
}

/** What `FileSystem.init` gets: what is offered, and the chance to ask for more or less before the answer goes out. */
export interface InitRequest {
  readonly offered: ReadonlySet<InitFlagName>
  readonly kernelMinor: number
  /** Wishes for a feature; when the kernel does not offer it, `Negotiated.refused` says so. */
  want(feature: InitFlagName): void
  /** Takes a feature off that the session would have asked for. */
  avoid(feature: InitFlagName): void
  readonly notify: Notify
  /** The maker of log lines for this mount. */
  readonly log: (line: string) => void
}
