// Taking a mount off: clean, lazy or by force, as root by umount2, as its owner by fusermount3.
import { errno } from '../abi/errno.js'
import { type MountCalls, UMOUNT } from '../native/mount.js'
import { explainPath } from './causes.js'
import { abortConnection } from './control.js'
import { Deadline } from './deadline.js'
import { MountError, StepError } from './errors.js'
import { errnoOfHelper, findHelper, runHelperAtExit, startHelper, wordsOf } from './helper.js'
import { connectionOf, isFuseType, type MountInfo, MountTable } from './mountinfo.js'
import { checkIsOptions, checkIsPath, optionError, shown, unknownOption } from './options.js'
import { resolvePlace } from './resolve.js'
import { explainUnmount } from './unmount-causes.js'

/** How to unmount. */
export interface UnmountOptions {
  /** Takes the mount out of the tree at once; it ends when its last user leaves. */
  lazy?: boolean
  /**
   * Ends the connection first: whoever waits for the daemon gets ECONNABORTED, unwritten data is lost; then as `lazy`.
   */
  force?: boolean
  /** Milliseconds for all of it, 1 or more; default 10000. */
  timeout?: number
}

/** A mount that this process made or serves. */
export interface OwnMount {
  readonly mount: MountInfo
  /** Its unique id; 0 where the kernel has none. Mount id and connection number are used again at once. */
  readonly unique: number
  readonly connection: number
  /** The fusermount3 that the options named. */
  readonly helper: string | undefined
}

/** What an unmount acts on. */
interface Target {
  readonly calls: MountCalls
  readonly mount: MountInfo
  readonly helper: string | undefined
  readonly deadline: Deadline
}

/** Milliseconds that one mount may hold up the exit of the process, at each of two tries. */
const EXIT_MS = 2000

/**
 * Unmounts the FUSE filesystem at `dir`. The mount itself is never touched, so dead and hung ones come off too.
 * @throws MountError EBUSY with the holders; EINVAL when nothing, or no FUSE filesystem, is mounted there; ENOENT for
 * a mount of another user; EPERM; ETIMEDOUT.
 */
export async function unmountPath(
  calls: MountCalls,
  dir: string,
  options: UnmountOptions = {},
): Promise<void> {
  checkIsPath(dir)
  const deadline = new Deadline(timeoutOf(options))
  const what = `cannot unmount ${dir}`
  const { mount } = await explainPath(what, dir, () => resolvePlace(calls, deadline, dir))
  if (!mount) throw refuse(what, 'nothing is mounted there', 'see fusewire list for what is mounted')
  if (!isFuseType(mount.type)) {
    throw refuse(what, `a filesystem of type ${mount.type} is mounted there, not FUSE`, 'use umount for it')
  }
  const aborted = await takeOff({ calls, mount, helper: undefined, deadline }, options)
  if (options.force && !aborted) throw notAborted(dir)
}

const UNMOUNT_KEYS = ['lazy', 'force', 'timeout'] as const

/** Checks all options; their timeout. @throws MountError EINVAL for an unknown one and for a wrong value. */
function timeoutOf(options: UnmountOptions): number {
  checkIsOptions(options, 'unmount')
  for (const key of Object.keys(options)) {
    if (!(UNMOUNT_KEYS as readonly string[]).includes(key)) throw unknownOption(key, UNMOUNT_KEYS)
  }
  const { lazy = false, force = false, timeout = 10_000 } = options
  for (const [key, value] of Object.entries({ lazy, force })) {
    if (typeof value === 'boolean') continue
    throw optionError(
      `option '${key}' cannot be ${shown(value)}`,
      'the value is not true or false',
      'give one of them',
    )
  }
  if (typeof timeout === 'number' && Number.isFinite(timeout) && timeout >= 1) return timeout
  throw optionError(
    `option 'timeout' cannot be ${shown(timeout)}`,
    'the value is no number of milliseconds from 1',
    'give one',
  )
}

function refuse(what: string, cause: string, cure: string): MountError {
  return new MountError({ what, errno: errno.EINVAL, step: 'mountinfo', cause, cure })
}

/** Unmounts a mount of our own wherever it was moved to; nothing happens when it is gone. */
export async function unmountOwn(calls: MountCalls, own: OwnMount, options: UnmountOptions): Promise<void> {
  const deadline = new Deadline(timeoutOf(options))
  const what = `cannot unmount ${own.mount.mountpoint}`
  const table = await explainPath(what, own.mount.mountpoint, async () => MountTable.read())
  const mount = present(table, own)
  if (!mount) return
  if (table.at(mount.mountpoint) === mount && own.unique !== 0) {
    // An errno does not tell; then id and connection have to do.
    const unique = await deadline.wait('statx', calls.mountId(mount.mountpoint)).catch(() => -1)
    if (unique > 0 && unique !== own.unique) return
  }
  const top = table.at(mount.mountpoint)
  if (top === mount) {
    await takeOff({ calls, mount, helper: own.helper, deadline }, options)
    return
  }
  throw new MountError({
    what,
    errno: errno.EBUSY,
    step: 'mountinfo',
    cause: `another filesystem (${top?.type ?? 'on one of its parents'}) is mounted on top of it`,
    cure: 'unmount that one first',
  })
}

/** The mount as the table has it now. */
function present(table: MountTable, { mount, connection }: OwnMount): MountInfo | undefined {
  const entry = table.byId(mount.id)
  return entry && connectionOf(entry) === connection ? entry : undefined
}

/** @returns whether the connection was aborted, where that was asked. */
async function takeOff(target: Target, options: UnmountOptions): Promise<boolean> {
  const { calls, mount, deadline } = target
  const detach = options.lazy === true || options.force === true
  const flags = UMOUNT.NOFOLLOW | (detach ? UMOUNT.DETACH : 0) | (options.force ? UMOUNT.FORCE : 0)
  const aborted = options.force === true && abortConnection(connectionOf(mount)) === 0
  try {
    const result = await deadline.wait('umount2', calls.umount(mount.mountpoint, flags))
    // MNT_FORCE ends the connection too, so root needs no fusectl.
    if (result === 0) return true
    if (result !== -errno.EPERM) throw new StepError('umount2', -result)
    await unmountByHelper(target, detach)
    return aborted
  } catch (error) {
    if (error instanceof StepError) throw await explainUnmount(calls, mount, error)
    throw error
  }
}

async function unmountByHelper({ calls, mount, helper, deadline }: Target, lazy: boolean): Promise<void> {
  const path = await findHelper(calls, deadline, helper)
  const run = await startHelper(path, ['-u', ...(lazy ? ['-z'] : []), '--', mount.mountpoint])
  const end = await run.end(deadline)
  if (end.status !== 0) throw new StepError('fusermount3 -u', errnoOfHelper(end), wordsOf(end))
}

function notAborted(dir: string): MountError {
  return new MountError({
    what: `cannot abort the connection of ${dir}`,
    errno: errno.EPERM,
    step: 'abort',
    cause: 'the mount is off, but while fusectl is not mounted only root can end a connection',
    cure: 'end its daemon, or let root mount fusectl on /sys/fs/fuse/connections',
  })
}

/**
 * For the exit of the process, where nobody answers requests any more: ends the connection, then detaches the mount.
 * Takes a few seconds at the very most; never throws. A mount that is gone or not ours is left alone.
 */
export function unmountAtExit(calls: MountCalls, own: OwnMount): void {
  let mount: MountInfo | undefined
  try {
    const table = MountTable.read()
    mount = present(table, own)
    if (!mount || table.at(mount.mountpoint) !== mount) return
  } catch {
    return
  }
  const flags = UMOUNT.DETACH | UMOUNT.NOFOLLOW | UMOUNT.FORCE
  if (calls.umountSync(mount.mountpoint, flags, EXIT_MS, own.unique) !== -errno.EPERM) return
  abortConnection(own.connection)
  runHelperAtExit(['-u', '-q', '-z', '--', mount.mountpoint], EXIT_MS, own.helper)
}
