// The mount point: everything that is wrong with it is found here, before any way is tried.
import { constants } from 'node:fs'
import { errno } from '../abi/errno.js'
import { type MountCalls, O_PATH } from '../native/mount.js'
import { explainPath } from './causes.js'
import type { Deadline } from './deadline.js'
import { MountError } from './errors.js'
import { isFuseType, type MountInfo } from './mountinfo.js'
import type { CheckedOptions } from './options.js'
import { resolvePlace } from './resolve.js'
import type { FdScope } from './scope.js'
import { probeMount } from './stale.js'
import { unmountPath } from './unmount.js'

/** Milliseconds that a suspect mount gets to answer before it counts as hung. */
const PROBE_MS = 2000
/** Dead mounts stacked on one mount point that are cleared at most. */
const STALE_MAX = 16

/** A mount point that was checked and cannot be swapped for something else any more. */
export interface PinnedMountPoint {
  readonly path: string
  /** O_PATH descriptor, owned by the scope. */
  readonly pin: number
}

/**
 * Resolves, checks and opens the mount point; a dead FUSE mount on it is cleared if the options say so.
 * @throws MountError ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ETIMEDOUT for the path; ENOTCONN for a dead mount on
 * it; EBUSY for a live one.
 */
export async function pinMountPoint(
  calls: MountCalls,
  deadline: Deadline,
  scope: FdScope,
  dir: string,
  options: CheckedOptions,
): Promise<PinnedMountPoint> {
  const what = `cannot mount on ${dir}`
  return explainPath(what, dir, async () => {
    let place = await resolvePlace(calls, deadline, dir)
    for (let cleared = 0; place.mount && !options.stack; cleared++) {
      await clearOrRefuse(
        calls,
        deadline,
        what,
        place.mount,
        options.replaceStale === true && cleared < STALE_MAX,
      )
      place = await resolvePlace(calls, deadline, dir)
    }
    if (place.status) checkType(what, place.status.mode, options.rootType)
    const directory = options.rootType === 'directory' ? constants.O_DIRECTORY : 0
    const call = calls.open(place.path, O_PATH | constants.O_NOFOLLOW | directory)
    return { path: place.path, pin: await scope.open('open mount point', deadline, call) }
  })
}

/** `kind` of a mode for a message. */
function kindOf(mode: number): string {
  switch (mode & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'a file'
    case constants.S_IFDIR:
      return 'a directory'
    default:
      return 'a special file'
  }
}

function checkType(what: string, mode: number, rootType: 'directory' | 'file'): void {
  const type = mode & constants.S_IFMT
  if (type === (rootType === 'file' ? constants.S_IFREG : constants.S_IFDIR)) return
  const fileWanted = rootType === 'file'
  throw new MountError({
    what,
    errno: errno.ENOTDIR,
    step: 'lstat',
    cause: `the mount point is ${kindOf(mode)} and the filesystem's root is a ${rootType}`,
    cure:
      type === constants.S_IFREG
        ? "give a directory, or set rootType to 'file' if the root of the filesystem is a file"
        : `give a ${fileWanted ? 'regular file' : 'directory'}`,
  })
}

/** Something is mounted there: a dead FUSE mount may be cleared, everything else is refused. */
async function clearOrRefuse(
  calls: MountCalls,
  deadline: Deadline,
  what: string,
  mount: MountInfo,
  mayClear: boolean,
): Promise<void> {
  const path = mount.mountpoint
  const fuse = isFuseType(mount.type)
  const state = fuse ? await probeMount(calls, path, Math.min(PROBE_MS, deadline.left)) : 'alive'
  const at = { what, step: 'mountinfo' }
  if (state === 'stale') {
    if (mayClear) return unmountPath(calls, path, { lazy: true, timeout: deadline.left })
    const cause = `a dead FUSE mount (${mount.type}, its daemon has ended) is still there`
    const cure = `set replaceStale, or clear it: fusewire umount ${path}`
    throw new MountError({ ...at, errno: errno.ENOTCONN, cause, cure })
  }
  const hung = state === 'hung'
  const command = fuse ? `fusewire umount ${hung ? '--force ' : ''}${path}` : `umount ${path}`
  throw new MountError({
    ...at,
    errno: errno.EBUSY,
    cause: `a filesystem of type ${mount.type}${hung ? ' that does not answer' : ''} is mounted there already`,
    cure: `unmount it first (${command}), or set stack to mount on top of it`,
  })
}
