import assert from 'node:assert/strict'
import type { FsShape, PosixFs } from '../posix-fs.js'

/** What a filesystem, or the way to it, may lack. A case names what it needs. */
export const CAPABILITIES = {
  posix: 'the system calls that Node.js has not',
  users: 'acting as other users, whose permissions are checked',
  processes: 'several processes, for locks',
  hardLinks: 'several names for a file',
  symlinks: 'symbolic links',
  modes: 'permission bits that are kept',
  owners: 'owners that are kept',
  times: 'times that can be set and change with the file',
  nanoseconds: 'times in nanoseconds',
  special: 'fifos and sockets',
  devices: 'device nodes',
  xattr: 'extended attributes (user.*)',
  privilegedXattr: 'extended attributes (trusted.*)',
  sparse: 'holes, and finding them',
  fallocate: 'space given in advance',
  punch: 'holes made later',
  copyRange: 'copying inside of the filesystem',
  locks: 'locks of byte ranges',
  flock: 'locks of whole files',
  tmpfile: 'files without a name (O_TMPFILE)',
  renameFlags: 'RENAME_NOREPLACE and EXCHANGE',
  whiteout: 'RENAME_WHITEOUT',
  unlinkedOpen: 'files that live on while they are open',
  bytes: 'names that are no text',
  longNames: 'names of 255 bytes and not more',
  bigFiles: 'offsets far beyond 4 GiB',
  directoryLinks: 'a link count of directories that counts subdirectories',
  blocks: 'a count of blocks that tells what is stored',
  statfs: 'numbers of the whole filesystem',
  inodes: 'inode numbers that stay',
  exactModes: 'set-id and sticky bits',
} as const

export type Capability = keyof typeof CAPABILITIES

/** What a target has: true, or why not. What is left out is not there, for no given reason. */
export type Capabilities = Partial<Record<Capability, true | string>>

export interface User {
  readonly uid: number
  readonly gid: number
  readonly groups?: readonly number[]
  readonly umask?: number
}

/** A filesystem at work, as the cases use it. */
export interface Place {
  /** Root's or the owner's view. */
  readonly fs: FsShape
  /** Directory for the cases, empty. */
  readonly directory: string
  /** The same filesystem with the calls that `node:fs/promises` has not; needed for `posix`. */
  readonly posix?: PosixFs
  /** Another process, of that user; needed for `users` and `processes`. */
  as?(user: User): Promise<PosixFs>
  close(): Promise<void>
}

/** What one case gets: an empty directory of its own. */
export class Bench {
  readonly fs: FsShape
  readonly directory: string
  readonly #place: Place

  constructor(place: Place, directory: string) {
    this.fs = place.fs
    this.directory = directory
    this.#place = place
  }

  get posix(): PosixFs {
    if (this.#place.posix === undefined) throw new Error('the place has no posix calls')
    return this.#place.posix
  }

  as(user: User): Promise<PosixFs> {
    if (this.#place.as === undefined) throw new Error('the place has no other users')
    return this.#place.as(user)
  }

  /** A path in the case's directory. */
  at(name: string): string {
    return `${this.directory}/${name}`
  }

  /** A file with that content. */
  async file(name: string, content: Uint8Array | string = ''): Promise<string> {
    const path = this.at(name)
    await this.fs.writeFile(path, content)
    return path
  }

  async dir(name: string): Promise<string> {
    const path = this.at(name)
    await this.fs.mkdir(path)
    return path
  }

  async text(name: string): Promise<string> {
    return (await this.fs.readFile(this.at(name))).toString()
  }

  async names(name = ''): Promise<string[]> {
    return (await this.fs.readdir(name === '' ? this.directory : this.at(name))).sort()
  }

  async exists(name: string): Promise<boolean> {
    try {
      await this.fs.lstat(this.at(name))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
      throw error
    }
  }
}

/** Fails unless the call fails with one of the errno names. */
export async function fails(call: Promise<unknown>, ...codes: string[]): Promise<void> {
  let code: string | undefined
  try {
    await call
  } catch (error) {
    code = (error as NodeJS.ErrnoException).code
    if (code === undefined) throw error
    if (codes.includes(code)) return
  }
  assert.fail(`${code ?? 'success'} where ${codes.join(' or ')} is expected`)
}

export interface Case {
  readonly group: string
  readonly name: string
  readonly needs: readonly Capability[]
  run(bench: Bench): Promise<void>
}

export type Add = (name: string, needs: readonly Capability[], run: (bench: Bench) => Promise<void>) => void

/** The cases of one group, in the order in which `fill` adds them. */
export function group(name: string, fill: (add: Add) => void): Case[] {
  const cases: Case[] = []
  fill((title, needs, run) => cases.push({ group: name, name: title, needs, run }))
  return cases
}
