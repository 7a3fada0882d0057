// From the path that a user wrote to the one that mountinfo knows, without touching what is mounted there: a dead or
// hung filesystem would take the caller with it.
import { constants } from 'node:fs'
import { errno } from '../abi/errno.js'
import type { FileStatus, MountCalls } from '../native/mount.js'
import type { Deadline } from './deadline.js'
import { StepError } from './errors.js'
import { type MountInfo, MountTable } from './mountinfo.js'

/** The kernel's own limit for symlinks in one walk (MAXSYMLINKS). */
const SYMLINKS_MAX = 40

/** Where a path ends. */
export interface Place {
  /** Absolute, without symlinks, `.` and `..`. */
  readonly path: string
  /** The mount whose root it is; then nothing below was touched. */
  readonly mount: MountInfo | undefined
  /** Where it is no mount: what is there. */
  readonly status: FileStatus | undefined
}

/**
 * Follows `path` to its end. Parents are walked (by the pool, within the deadline); the last component is looked up in
 * mountinfo first and only examined when nothing is mounted on it.
 * @throws StepError with the errno of the walk: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ETIMEDOUT.
 */
export async function resolvePlace(calls: MountCalls, deadline: Deadline, path: string): Promise<Place> {
  if (path === '' || path.includes('\0'))
    throw new StepError('resolve', path === '' ? errno.ENOENT : errno.EINVAL)
  let current = absolute(path)
  for (let followed = 0; followed <= SYMLINKS_MAX; followed++) {
    const known = MountTable.read().at(current)
    if (known) return { path: current, mount: known, status: undefined }
    const full = await realParent(calls, deadline, current)
    const mount = MountTable.read().at(full)
    if (mount) return { path: full, mount, status: undefined }
    const status = await deadline.value('lstat', calls.lstat(full))
    if ((status.mode & constants.S_IFMT) !== constants.S_IFLNK)
      return { path: full, mount: undefined, status }
    const target = await deadline.value('readlink', calls.readlink(full))
    current = target.startsWith('/')
      ? trim(target)
      : trim(`${full.slice(0, full.lastIndexOf('/'))}/${target}`)
  }
  throw new StepError('resolve', errno.ELOOP)
}

/** Textual only: `..` behind a symlink must not be taken back by text. */
function absolute(path: string): string {
  return trim(path.startsWith('/') ? path : `${workingDirectory()}/${path}`)
}

function workingDirectory(): string {
  try {
    return process.cwd()
  } catch {
    throw new StepError('getcwd', errno.ENOENT) // it was removed
  }
}

function trim(path: string): string {
  const plain = path.replace(/\/(\.?\/)+/g, '/').replace(/(.)\/+\.?$/, '$1')
  return plain === '' || plain === '/.' ? '/' : plain
}

/** The path with its parents resolved and its last component as it is. */
async function realParent(calls: MountCalls, deadline: Deadline, path: string): Promise<string> {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  if (name === '..' || name === '') return deadline.value('realpath', calls.realpath(path))
  const parent = await deadline.value('realpath', calls.realpath(path.slice(0, slash) || '/'))
  return parent === '/' ? `/${name}` : `${parent}/${name}`
}
