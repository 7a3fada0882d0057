// The kernel's table of mounts, read as text from /proc/<pid>/mountinfo (proc_pid_mountinfo(5)). Reading it never
// touches a mount, so it also works where a daemon hangs or is dead.
import { readFileSync } from 'node:fs'
import { errno } from '../abi/errno.js'
import { StepError } from './errors.js'

/** One line of `/proc/<pid>/mountinfo`, octal escapes undone. */
export interface MountInfo {
  /** Mount id: unique in the system while the mount exists; the `mnt_id` of fdinfo. */
  readonly id: number
  /** Id of the mount this one sits on. */
  readonly parent: number
  /** Device number of the superblock (`st_dev` of its files). */
  readonly major: number
  readonly minor: number
  /** Directory of the filesystem that is the root of this mount. */
  readonly root: string
  readonly mountpoint: string
  /** Options of the mount, such as `ro` and `nosuid`. */
  readonly flags: readonly string[]
  /** Propagation tags, such as `shared:1`. */
  readonly propagation: readonly string[]
  /** Filesystem type with its subtype: `fuse.sshfs`. */
  readonly type: string
  readonly source: string
  /** Options of the superblock, such as `user_id=1000` and `allow_other`. */
  readonly options: readonly string[]
}

/** Undoes the kernel's escapes: `\040` stands for the byte 0x20. A backslash before anything else stays. */
export function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  const plain = bytes.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) =>
    String.fromCharCode(parseInt(octal, 8)),
  )
  return Buffer.from(plain, 'latin1').toString('utf8')
}

/** Escapes as the kernel's `mangle()` does: blank, tab, newline, backslash and `#`. */
export function escapeOctal(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

/** Parses the whole table; lines that do not have the shape of the manual page are left out. */
export function parseMountInfo(text: string): MountInfo[] {
  const table: MountInfo[] = []
  for (const line of text.split('\n')) {
    const entry = parseLine(line)
    if (entry) table.push(entry)
  }
  return table
}

function parseLine(line: string): MountInfo | null {
  const words = line.split(' ')
  const dash = words.indexOf('-', 6)
  if (dash < 0 || words.length < dash + 3) return null
  const [id, parent, device, root, mountpoint, flags] = words
  const numbers = /^(\d+):(\d+)$/.exec(device ?? '')
  if (!numbers || !/^\d+$/.test(id ?? '') || !/^\d+$/.test(parent ?? '')) return null
  return {
    id: Number(id),
    parent: Number(parent),
    major: Number(numbers[1]),
    minor: Number(numbers[2]),
    root: unescapeOctal(root ?? ''),
    mountpoint: unescapeOctal(mountpoint ?? ''),
    flags: (flags ?? '').split(','),
    propagation: words.slice(6, dash),
    type: unescapeOctal(words[dash + 1] ?? ''),
    source: unescapeOctal(words[dash + 2] ?? ''),
    options: (words[dash + 3] ?? '').split(',').map(unescapeOctal),
  }
}

/** True for `fuse`, `fuseblk` and their subtypes; fusectl and virtiofs are other types. */
export function isFuseType(type: string): boolean {
  return /^fuse(blk)?(\.|$)/.test(type)
}

/**
 * Number of a FUSE connection: the name of its directory in fusectl and the `fuse_connection` of fdinfo. The kernel
 * derives it from the device number: `(major << 20) | minor`.
 */
export function connectionOf(mount: MountInfo): number {
  return mount.major * 2 ** 20 + mount.minor
}

/** `major:minor` as mountinfo and fusewire's results spell it. */
export function deviceOf(mount: MountInfo): string {
  return `${mount.major}:${mount.minor}`
}

/** The mounts of one namespace, with the questions that mounting and unmounting ask. */
export class MountTable {
  readonly all: readonly MountInfo[]
  readonly #children = new Map<number, MountInfo[]>()
  readonly #tops: MountInfo[] = []

  constructor(all: readonly MountInfo[]) {
    this.all = all
    const ids = new Set(all.map((mount) => mount.id))
    for (const mount of all) {
      if (!ids.has(mount.parent) || mount.parent === mount.id) {
        this.#tops.push(mount)
        continue
      }
      const siblings = this.#children.get(mount.parent)
      if (siblings) siblings.push(mount)
      else this.#children.set(mount.parent, [mount])
    }
  }

  /** Reads `/proc/<pid>/mountinfo`; throws a StepError when it is not readable. */
  static read(pid: number | 'self' = 'self'): MountTable {
    const path = `/proc/${pid}/mountinfo`
    try {
      return new MountTable(parseMountInfo(readFileSync(path, 'utf8')))
    } catch (error) {
      throw new StepError(`read ${path}`, Math.abs((error as NodeJS.ErrnoException).errno ?? errno.EIO))
    }
  }

  byId(id: number): MountInfo | undefined {
    return this.all.find((mount) => mount.id === id)
  }

  /** Mounts that sit directly on `id`, stacked ones included. */
  childrenOf(id: number): readonly MountInfo[] {
    return this.#children.get(id) ?? []
  }

  /** All mounts of the device, oldest first. */
  ofDevice(device: string): MountInfo[] {
    return this.all.filter((mount) => deviceOf(mount) === device)
  }

  /**
   * The mount that a walk along `path` (absolute, no symlinks, no `..`) ends in. It follows the tree rather than the
   * longest prefix, because a mount may lie hidden below a later one.
   */
  containing(path: string): MountInfo | undefined {
    let current: MountInfo | undefined
    for (const prefix of prefixes(path)) {
      for (;;) {
        const next = this.#on(current, prefix)
        if (!next) break
        current = next
      }
    }
    return current
  }

  /** The visible mount whose root is `path`, or undefined when `path` is no mount point. */
  at(path: string): MountInfo | undefined {
    const mount = this.containing(path)
    return mount?.mountpoint === path ? mount : undefined
  }

  #on(current: MountInfo | undefined, mountpoint: string): MountInfo | undefined {
    const candidates = current ? this.childrenOf(current.id) : this.#tops
    return candidates.find((mount) => mount.mountpoint === mountpoint && mount !== current)
  }
}

function prefixes(path: string): string[] {
  const list = ['/']
  for (let i = path.indexOf('/', 1); i > 0; i = path.indexOf('/', i + 1)) list.push(path.slice(0, i))
  if (path !== '/') list.push(path)
  return list
}
