// Mounting: the ways in their order, and what comes of it.
import { constants } from 'node:fs'
import { errno, errnoName } from '../abi/errno.js'
import { type MountCalls, mountCalls, O_PATH, UMOUNT } from '../native/mount.js'
import { type Cause, causeOfCall, causeOfPath } from './causes.js'
import { Deadline } from './deadline.js'
import { adoptDescriptor, fdOfPath } from './descriptor.js'
import { connectionOfFd, deviceOfConnection } from './device.js'
import { MountError, type MountMethod, type Refusal, StepError } from './errors.js'
import { mountByFsmount } from './fsmount.js'
import { mountByFusermount, watchMount } from './fusermount.js'
import { mountByLegacy } from './legacy.js'
import { connectionOf, deviceOf, isFuseType, type MountInfo, MountTable } from './mountinfo.js'
import { type CheckedOptions, checkOptions, type MountOptions } from './options.js'
import { resolvePlace } from './resolve.js'
import { FdScope } from './scope.js'
import { probeMount } from './stale.js'
import { type UnmountOptions, unmountAtExit, unmountOwn } from './unmount.js'
import type { Attached, Mounting, Way } from './way.js'

/** A device that is mounted. Its descriptor belongs to the caller, who closes it when the mount has ended. */
export interface MountedDevice {
  /** The FUSE device: non-blocking, close-on-exec, INIT waiting to be read. */
  readonly fd: number
  readonly method: MountMethod
  /** Absolute path without symlinks; `/dev/fd/N` where the mount of a handed-in descriptor is not visible. */
  readonly mountpoint: string
  /** Number of the connection, as in fusectl; null where the kernel does not tell it (descriptor handed in, before 6.18). */
  readonly connectionId: number | null
  /** Device number of its files, `major:minor`; null together with connectionId. */
  readonly device: string | null
  /** The ways that were refused before this one, and why. */
  readonly refused: readonly Refusal[]
  /** allowRoot was asked: the session must refuse everybody but root and the owner. */
  readonly allowRoot: boolean
  /** Unmounts this mount and no other; nothing happens when it is gone already. See {@link UnmountOptions}. */
  unmount(options?: UnmountOptions): Promise<void>
  /** For the exit of the process: aborts, then detaches, within seconds; never throws. */
  unmountSync(): void
}

const WAYS: Readonly<Record<Exclude<MountMethod, 'fd'>, Way>> = {
  fsmount: mountByFsmount,
  mount: mountByLegacy,
  fusermount3: mountByFusermount,
}

/** Milliseconds that a suspect mount gets to answer before it counts as hung. */
const PROBE_MS = 2000

/**
 * Mounts a new FUSE filesystem at `dir`, by the first way that works; `/dev/fd/N` takes a descriptor that is mounted
 * already. Returns when the mount is in place and INIT waits to be read from the device. After an error nothing is left.
 * @throws MountError
 */
export async function mountDevice(
  dir: string,
  options: MountOptions = {},
  calls: MountCalls = mountCalls(),
): Promise<MountedDevice> {
  const checked = checkOptions(options)
  const deadline = new Deadline(checked.timeout)
  const fd = fdOfPath(dir)
  if (fd !== null) return adopt(calls, deadline, fd, checked)
  const scope = new FdScope(calls)
  try {
    const { path, pin } = await pinMountPoint(calls, deadline, scope, dir, checked)
    return await climb({ calls, deadline, options: checked, mountpoint: path, pin })
  } finally {
    await scope.closeAll(deadline)
  }
}

/** Checks the mount point and opens it; everything that is wrong with it is found here, before any way is tried. */
async function pinMountPoint(
  calls: MountCalls,
  deadline: Deadline,
  scope: FdScope,
  dir: string,
  options: CheckedOptions,
): Promise<{ path: string; pin: number }> {
  const what = `cannot mount on ${dir}`
  try {
    let place = await resolvePlace(calls, deadline, dir)
    while (place.mount && !options.stack) {
      await clearOrRefuse(calls, deadline, what, place.mount, options)
      place = await resolvePlace(calls, deadline, dir)
    }
    if (place.status) checkType(what, place.status.mode, options)
    const directory = options.rootType === 'directory' ? constants.O_DIRECTORY : 0
    const flags = O_PATH | constants.O_NOFOLLOW | directory
    return {
      path: place.path,
      pin: await scope.open('open mount point', deadline, calls.open(place.path, flags)),
    }
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    throw new MountError({ what, errno: error.errno, step: error.step, ...causeOfPath(error, dir) })
  }
}

function checkType(what: string, mode: number, options: CheckedOptions): void {
  const type = mode & constants.S_IFMT
  const wanted = options.rootType === 'file' ? constants.S_IFREG : constants.S_IFDIR
  if (type === wanted) return
  const is =
    type === constants.S_IFREG ? 'a file' : type === constants.S_IFDIR ? 'a directory' : 'a special file'
  const cause =
    options.rootType === 'file'
      ? `the mount point is ${is}, not a file`
      : `the mount point is ${is}, not a directory`
  const cure =
    type === constants.S_IFREG
      ? "give a directory, or rootType 'file' if the filesystem's root is a file"
      : `give ${options.rootType === 'file' ? 'a regular file' : 'a directory'}`
  throw new MountError({ what, errno: errno.ENOTDIR, step: 'lstat', cause, cure })
}

/** Something is mounted there: a dead FUSE mount may be cleared, everything else is refused. */
async function clearOrRefuse(
  calls: MountCalls,
  deadline: Deadline,
  what: string,
  mount: MountInfo,
  options: CheckedOptions,
): Promise<void> {
  const path = mount.mountpoint
  const fuse = isFuseType(mount.type)
  const state = fuse ? await probeMount(calls, path, Math.min(PROBE_MS, deadline.left)) : 'alive'
  if (state === 'stale') {
    if (options.replaceStale) {
      return unmountOwn(calls, path, connectionOf(mount), options.helper, {
        lazy: true,
        timeout: deadline.left,
      })
    }
    throw new MountError({
      what,
      errno: errno.ENOTCONN,
      step: 'mountinfo',
      cause: `a dead FUSE mount (${mount.type}, its daemon has ended) is still there`,
      cure: `set replaceStale, or clear it: fusewire umount ${path}`,
    })
  }
  const hung = state === 'hung' ? ' that does not answer' : ''
  throw new MountError({
    what,
    errno: errno.EBUSY,
    step: 'mountinfo',
    cause: `a filesystem of type ${mount.type}${hung} is mounted there already`,
    cure: `unmount it first${fuse ? ` (fusewire umount ${path}${hung && ' --force'})` : ''}, or set stack to mount on top`,
  })
}

/** Tries the ways in order until one works or one fails for a reason that the next would not change. */
async function climb(mounting: Mounting): Promise<MountedDevice> {
  const { method } = mounting.options
  const ways = method === 'auto' ? (['fsmount', 'mount', 'fusermount3'] as const) : ([method] as const)
  const failures: { error: StepError; refusal: Refusal }[] = []
  for (const name of ways) {
    // The helper is for those who lack the privilege; where mount(2) failed for another reason it would as well.
    if (name === 'fusermount3' && method === 'auto' && !failures.every(({ error }) => isUnprivileged(error)))
      break
    try {
      const attached = await WAYS[name](mounting)
      return await finish(
        mounting,
        name,
        attached,
        failures.map(({ refusal }) => refusal),
      )
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      failures.push({ error, refusal: refusalOf(name, error) })
      if (endsTheSearch(error)) break
    }
  }
  throw failedAll(mounting, failures)
}

function refusalOf(method: MountMethod, error: StepError): Refusal {
  const code = errnoName(error.errno)
  return {
    method,
    step: error.step,
    code,
    reason: error.log.length > 0 ? error.log.join('; ') : code,
    log: error.log,
  }
}

/** EPERM of fsopen or mount; the device of a root process is not the helper's business. */
function isUnprivileged(error: StepError): boolean {
  return error.errno === errno.EPERM || error.errno === errno.ENOSYS || error.step === 'open'
}

/** Time is up, or the mount point has gone: no other way helps. */
function endsTheSearch(error: StepError): boolean {
  return (
    error.errno === errno.ETIMEDOUT ||
    error.errno === errno.EMFILE ||
    (error.errno === errno.ENOENT && error.step === 'move_mount')
  )
}

/** The error that says most: that of the last way, unless it only says that a helper is missing or also may not. */
function failedAll(
  mounting: Mounting,
  failures: readonly { error: StepError; refusal: Refusal }[],
): MountError {
  const telling = failures.find(({ error }) => !isUnprivileged(error) && error.step !== 'find fusermount3')
  const { error } = telling ?? failures[failures.length - 1] ?? { error: new StepError('mount', errno.EPERM) }
  const { cause, cure }: Cause = causeOfCall(error, mounting.options, mounting.mountpoint)
  return new MountError({
    what: `cannot mount on ${mounting.mountpoint}`,
    errno: error.errno,
    step: error.step,
    cause,
    cure,
    tried: failures.map(({ refusal }) => refusal),
    log: failures.flatMap(({ refusal }) => refusal.log),
  })
}

/** Finds the new mount in mountinfo and builds the result; on failure the mount is taken off again. */
async function finish(
  mounting: Mounting,
  method: MountMethod,
  attached: Attached,
  refused: readonly Refusal[],
): Promise<MountedDevice> {
  const { calls, options, mountpoint } = mounting
  let watch = attached.watch ?? null
  try {
    if (options.autoUnmount && watch === null) watch = await watchMount(mounting)
    const connection = connectionOfFd(attached.fd) ?? connectionAt(mountpoint)
    return deviceFace(calls, { fd: attached.fd, method, mountpoint, connection, watch }, options, refused)
  } catch (error) {
    await calls.umount(mountpoint, UMOUNT.DETACH | UMOUNT.NOFOLLOW)
    await calls.close(attached.fd)
    throw error
  }
}

/** Before Linux 6.18 the device does not tell its connection; the top mount at the mount point is the new one. */
function connectionAt(mountpoint: string): number {
  const top = MountTable.read().at(mountpoint)
  if (!top || !isFuseType(top.type)) throw new StepError('mountinfo', errno.ENOENT)
  return connectionOf(top)
}

interface Face {
  readonly fd: number
  readonly method: MountMethod
  readonly mountpoint: string
  readonly connection: number | null
  /** Our end of the socket to the auto-unmount helper; it leaves when that is closed. */
  readonly watch: number | null
}

function deviceFace(
  calls: MountCalls,
  { fd, method, mountpoint, connection, watch }: Face,
  options: CheckedOptions,
  refused: readonly Refusal[],
): MountedDevice {
  let watching = watch
  return {
    fd,
    method,
    mountpoint,
    connectionId: connection,
    device: connection === null ? null : deviceOfConnection(connection),
    refused,
    allowRoot: options.allowRoot === true && options.allowOther,
    async unmount(how = {}) {
      if (connection !== null) await unmountOwn(calls, mountpoint, connection, options.helper, how)
      if (watching !== null) await calls.close(watching)
      watching = null
    },
    unmountSync() {
      if (connection !== null) unmountAtExit(calls, mountpoint, connection, options.helper)
    },
  }
}

/** Serves a descriptor that somebody else mounts. */
async function adopt(
  calls: MountCalls,
  deadline: Deadline,
  fd: number,
  options: CheckedOptions,
): Promise<MountedDevice> {
  try {
    const connection = await adoptDescriptor(calls, deadline, fd)
    const device = connection === null ? null : deviceOfConnection(connection)
    const mount = MountTable.read().all.findLast((entry) => deviceOf(entry) === device)
    const mountpoint = mount?.mountpoint ?? `/dev/fd/${fd}`
    return deviceFace(calls, { fd, method: 'fd', mountpoint, connection, watch: null }, options, [])
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    throw new MountError({
      what: `cannot serve /dev/fd/${fd}`,
      errno: error.errno,
      step: error.step,
      ...causeOfDescriptor(error, fd),
    })
  }
}

function causeOfDescriptor(error: StepError, fd: number): Cause {
  switch (error.errno) {
    case errno.EBADF:
      return {
        cause: `descriptor ${fd} is not open`,
        cure: 'let the parent process pass it on (no close-on-exec)',
      }
    case errno.ENODEV:
      return {
        cause: `descriptor ${fd} is not the FUSE device`,
        cure: 'pass an open descriptor of /dev/fuse',
      }
    case errno.ENOTCONN:
      return {
        cause: 'nobody has mounted it in time',
        cure: 'let the other side mount it first, or give a longer timeout',
      }
    default:
      return {
        cause: `it cannot be used (${errnoName(error.errno)})`,
        cure: 'look at it in /proc/self/fdinfo',
      }
  }
}
