// Taking a mount off: clean, lazy or by force, as root by umount2, as its owner by fusermount3.
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { errno, errnoName } from '../abi/errno.js'
import { type MountCalls, UMOUNT } from '../native/mount.js'
import { causeOfPath } from './causes.js'
import { abortConnection } from './control.js'
import { Deadline } from './deadline.js'
import { MountError, StepError } from './errors.js'
import { errnoOfHelper, findHelper, helperPlaces, startHelper, wordsOf } from './helper.js'
import { describeHolders, findHolders } from './holders.js'
import { connectionOf, isFuseType, type MountInfo, MountTable } from './mountinfo.js'
import { resolvePlace } from './resolve.js'

/** How to unmount. */
export interface UnmountOptions {
  /** Takes the mount out of the tree at once; it ends when its last user leaves. */
  lazy?: boolean
  /**
   * Ends the connection first: whoever waits for the daemon gets ECONNABORTED, unwritten data is lost; then as `lazy`.
   */
  force?: boolean
  /** Milliseconds for all of it; default 10000. */
  timeout?: number
}

/** What an unmount acts on. */
interface Target {
  readonly calls: MountCalls
  readonly mount: MountInfo
  readonly helper: string | undefined
  readonly deadline: Deadline
}

/** Milliseconds that the exit of the process may be held up by one mount, twice at most. */
const EXIT_MS = 2000

/**
 * Unmounts the FUSE filesystem at `dir`. The mount itself is never touched, so dead and hung ones come off too.
 * @throws MountError EBUSY with the holders; EINVAL when nothing, or no FUSE filesystem, is mounted there; EPERM for a
 * mount of another user; ETIMEDOUT.
 */
export async function unmountPath(
  calls: MountCalls,
  dir: string,
  options: UnmountOptions = {},
): Promise<void> {
  const deadline = new Deadline(timeoutOf(options))
  const place = await resolvePlace(calls, deadline, dir).catch((error: unknown) => {
    if (!(error instanceof StepError)) throw error
    const { cause, cure } = causeOfPath(error, dir)
    throw new MountError({ what: `cannot unmount ${dir}`, errno: error.errno, step: error.step, cause, cure })
  })
  if (!place.mount) throw refuse(dir, 'nothing is mounted there', 'see fusewire list for what is mounted')
  if (!isFuseType(place.mount.type)) {
    throw refuse(
      dir,
      `a filesystem of type ${place.mount.type} is mounted there, not FUSE`,
      'use umount for it',
    )
  }
  await unmountMount({ calls, mount: place.mount, helper: undefined, deadline }, options)
}

function timeoutOf(options: UnmountOptions): number {
  const { timeout = 10_000 } = options
  if (Number.isFinite(timeout) && timeout >= 1) return timeout
  const cause = `timeout ${timeout} is no number of milliseconds from 1`
  throw new MountError({
    what: 'cannot unmount',
    errno: errno.EINVAL,
    step: 'options',
    cause,
    cure: 'give one',
  })
}

function refuse(dir: string, cause: string, cure: string): MountError {
  return new MountError({
    what: `cannot unmount ${dir}`,
    errno: errno.EINVAL,
    step: 'mountinfo',
    cause,
    cure,
  })
}

/** Unmounts one known connection, if it is still there. @param connection number that the mount must have. */
export async function unmountOwn(
  calls: MountCalls,
  mountpoint: string,
  connection: number,
  helper: string | undefined,
  options: UnmountOptions,
): Promise<void> {
  const deadline = new Deadline(timeoutOf(options))
  const table = MountTable.read()
  const ours = table.all.filter(
    (mount) => mount.mountpoint === mountpoint && connectionOf(mount) === connection,
  )
  if (ours.length === 0) return
  const top = table.at(mountpoint)
  if (top && ours.includes(top)) return unmountMount({ calls, mount: top, helper, deadline }, options)
  throw new MountError({
    what: `cannot unmount ${mountpoint}`,
    errno: errno.EBUSY,
    step: 'mountinfo',
    cause: `another filesystem (${top?.type ?? 'unknown'}) is mounted on top of it or of its parents`,
    cure: 'unmount that one first',
  })
}

async function unmountMount(target: Target, options: UnmountOptions): Promise<void> {
  const { mount } = target
  const detach = options.lazy === true || options.force === true
  const flags = UMOUNT.NOFOLLOW | (detach ? UMOUNT.DETACH : 0) | (options.force ? UMOUNT.FORCE : 0)
  const aborted = options.force ? abortConnection(connectionOf(mount)) === 0 : true
  try {
    const result = await target.deadline.wait('umount2', target.calls.umount(mount.mountpoint, flags))
    if (result === 0) return
    if (result !== -errno.EPERM) throw new StepError('umount2', -result)
    await unmountByHelper(target, detach)
  } catch (error) {
    if (error instanceof StepError) throw await explain(error, target)
    throw error
  }
  if (!aborted) throw notAborted(mount)
}

async function unmountByHelper({ calls, mount, helper, deadline }: Target, lazy: boolean): Promise<void> {
  const path = await findHelper(calls, deadline, helper)
  const run = await startHelper(path, ['-u', ...(lazy ? ['-z'] : []), '--', mount.mountpoint])
  const end = await run.end(deadline)
  if (end.status !== 0) throw new StepError('fusermount3 -u', errnoOfHelper(end), wordsOf(end))
}

async function explain(error: StepError, { calls, mount }: Target): Promise<MountError> {
  const base = {
    what: `cannot unmount ${mount.mountpoint}`,
    errno: error.errno,
    step: error.step,
    log: error.log,
  }
  switch (error.errno) {
    case errno.EBUSY: {
      const report = await findHolders(calls, mount)
      const cause = `it is in use by ${describeHolders(report)}`
      return new MountError({ ...base, cause, cure: 'end those, or unmount lazily', holders: report.holders })
    }
    case errno.ETIMEDOUT:
      return new MountError({ ...base, cause: 'its daemon did not answer in time', cure: 'unmount by force' })
    case errno.EINVAL:
    case errno.ENOENT:
      if (error.step === 'find fusermount3') break
      return new MountError({
        ...base,
        cause: 'it is not mounted any more, or not by this user',
        cure: 'see fusewire list',
      })
  }
  if (error.step === 'find fusermount3') {
    return new MountError({
      ...base,
      errno: errno.EPERM,
      cause: 'a user unmounts by fusermount3, and it is not installed',
      cure: 'install fuse3, or unmount as root',
    })
  }
  const words = error.log.length > 0 ? error.log.join('; ') : errnoName(error.errno)
  return new MountError({ ...base, cause: words, cure: 'unmount as root or as the user who mounted it' })
}

function notAborted(mount: MountInfo): MountError {
  return new MountError({
    what: `cannot abort the connection of ${mount.mountpoint}`,
    errno: errno.EPERM,
    step: 'abort',
    cause: 'the mount is off, but only root can end a connection while fusectl is not mounted',
    cure: 'end its daemon, or let root write to /sys/fs/fuse/connections/N/abort',
  })
}

/**
 * For the exit of the process, where nobody answers requests any more: ends the connection, then detaches the mount.
 * Takes a few seconds at the very most; never throws. A mount that is gone or not ours is left alone.
 */
export function unmountAtExit(
  calls: MountCalls,
  mountpoint: string,
  connection: number,
  helper?: string,
): void {
  let top: MountInfo | undefined
  try {
    top = MountTable.read().at(mountpoint)
  } catch {
    return
  }
  if (!top || connectionOf(top) !== connection) return
  const aborted = abortConnection(connection) === 0
  const flags = UMOUNT.DETACH | UMOUNT.NOFOLLOW | (aborted ? 0 : UMOUNT.FORCE)
  if (calls.umountSync(mountpoint, flags, EXIT_MS) !== -errno.EPERM) return
  const path = helper ?? helperPlaces().find(isExecutable)
  if (path !== undefined) {
    const args = ['-u', '-q', '-z', '--', mountpoint]
    spawnSync(path, args, { stdio: 'ignore', timeout: EXIT_MS, killSignal: 'SIGKILL', cwd: '/' })
  }
}

/** On the main thread, which serves nothing any more: only for the exit. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
