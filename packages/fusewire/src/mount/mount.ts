// Mounting: the ways in their order, and what comes of it.
import { errno, errnoName } from '../abi/errno.js'
import { type MountCalls, mountCalls } from '../native/mount.js'
import { causeOfCall } from './causes.js'
import { Deadline } from './deadline.js'
import { adoptDescriptor, causeOfDescriptor, fdOfPath } from './descriptor.js'
import { connectionOfFd, deviceOfConnection } from './device.js'
import { MountError, type MountMethod, type Refusal, StepError } from './errors.js'
import { mountByFsmount } from './fsmount.js'
import { mountByFusermount } from './fusermount.js'
import { mountByLegacy } from './legacy.js'
import { connectionOf, isFuseType, type MountInfo, MountTable } from './mountinfo.js'
import { pinMountPoint } from './mountpoint.js'
import { type CheckedOptions, checkIsPath, checkOptions, type MountOptions } from './options.js'
import { FdScope } from './scope.js'
import { type OwnMount, type UnmountOptions, unmountAtExit, unmountOwn } from './unmount.js'
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
  /**
   * Unmounts this mount and no other; nothing happens when it is gone already. Keep serving the device meanwhile. With
   * `force` as a user where fusectl is not mounted, the connection ends only when the caller closes `fd`.
   */
  unmount(options?: UnmountOptions): Promise<void>
  /** For the exit of the process: aborts, then detaches, within seconds; never throws. */
  unmountSync(): void
  /** Call it when the mount has ended (the device answers ENODEV): the helper of autoUnmount may leave then. */
  ended(): void
}

const WAYS: Readonly<Record<Exclude<MountMethod, 'fd'>, Way>> = {
  fsmount: mountByFsmount,
  mount: mountByLegacy,
  fusermount3: mountByFusermount,
}

/** Milliseconds to undo a mount that cannot be handed over, beyond the deadline that it may have used up. */
const UNDO_MS = 2000

/**
 * Mounts a new FUSE filesystem at `dir`, by the first way that works; `/dev/fd/N` takes a descriptor that is mounted
 * already. Returns when the mount is in place and INIT waits to be read from the device. After an error nothing is left.
 * @param calls the system calls; tests put failing ones in.
 * @throws MountError
 */
export async function mountDevice(
  dir: string,
  options: MountOptions = {},
  calls: MountCalls = mountCalls(),
): Promise<MountedDevice> {
  checkIsPath(dir)
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

interface Failed {
  readonly method: MountMethod
  readonly error: StepError
}

/** Tries the ways in order until one works or one fails for a reason that the next would not change. */
async function climb(mounting: Mounting): Promise<MountedDevice> {
  const failed: Failed[] = []
  for (const way of waysOf(mounting.options)) {
    // The helper is for those who lack the privilege: what else mount(2) refuses, the helper's mount(2) refuses as well.
    if (way === 'fusermount3' && !failed.every(({ error }) => lacksPrivilege(error))) break
    try {
      const attached = await WAYS[way](mounting)
      return await finish(mounting, way, attached, failed.map(refusalOf))
    } catch (error) {
      if (!(error instanceof StepError)) throw error
      failed.push({ method: way, error })
      if (endsTheSearch(error)) break
    }
  }
  throw failedAll(mounting, failed)
}

/** Who unmounts after the death of this process must have been there before: only the helper can. */
function waysOf({ method, autoUnmount }: CheckedOptions): readonly (keyof typeof WAYS)[] {
  if (method !== 'auto') return [method]
  return autoUnmount ? ['fusermount3'] : ['fsmount', 'mount', 'fusermount3']
}

function refusalOf({ method, error }: Failed): Refusal {
  const code = errnoName(error.errno)
  return {
    method,
    step: error.step,
    code,
    reason: error.log.length > 0 ? error.log.join('; ') : code,
    log: error.log,
  }
}

/** mount(2) and fsopen(2) answer EPERM without CAP_SYS_ADMIN; ENOSYS comes of old kernels and of seccomp filters. */
function lacksPrivilege(error: StepError): boolean {
  return error.errno === errno.EPERM || error.errno === errno.ENOSYS
}

/**
 * No other way helps: the device cannot be opened (the helper opens it with the caller's ids), the helper is missing
 * though it is needed, no descriptor is left, time is up.
 */
function endsTheSearch(error: StepError): boolean {
  if (error.step === 'open' || error.step === 'find fusermount3') return true
  return error.errno === errno.ETIMEDOUT || error.errno === errno.EMFILE || error.errno === errno.ENFILE
}

/** The error that says most: the first that is not about privilege, else the last. */
function failedAll(mounting: Mounting, failed: readonly Failed[]): MountError {
  const { error } = failed.find((one) => !lacksPrivilege(one.error)) ?? failed.at(-1) ?? UNTRIED
  const tried = failed.map(refusalOf)
  return new MountError({
    what: `cannot mount on ${mounting.mountpoint}`,
    errno: error.errno,
    step: error.step,
    ...causeOfCall(error, mounting.options, mounting.mountpoint),
    tried,
    log: tried.flatMap(({ log }) => log),
  })
}

const UNTRIED: Failed = { method: 'mount', error: new StepError('mount', errno.EPERM) }

/** Finds the new mount in mountinfo and builds the result; when that fails the mount is taken off again. */
async function finish(
  mounting: Mounting,
  method: MountMethod,
  attached: Attached,
  refused: readonly Refusal[],
): Promise<MountedDevice> {
  const { calls, options, mountpoint } = mounting
  const { fd } = attached
  let mount: MountInfo | undefined
  try {
    mount = findNew(mountpoint, connectionOfFd(fd))
    const watch = attached.watch ?? null
    const own = await ownMount(calls, mount, options)
    const connection = own.connection
    return deviceFace(calls, { fd, method, mountpoint, connection, own, watch }, options, refused)
  } catch (error) {
    // First the descriptor: where none is left, mountinfo can be read only now.
    await calls.close(fd)
    if (attached.watch !== undefined) await calls.close(attached.watch)
    await takeOffFailed(mounting, mount)
    throw error
  }
}

/** The new mount has no server and gets none: it must not stay. */
async function takeOffFailed(
  { calls, options, mountpoint }: Mounting,
  found: MountInfo | undefined,
): Promise<void> {
  try {
    const mount = found ?? MountTable.read().at(mountpoint)
    if (!mount || !isFuseType(mount.type)) return
    const own = { mount, unique: 0, connection: connectionOf(mount), helper: options.helper }
    await unmountOwn(calls, own, { lazy: true, timeout: UNDO_MS })
  } catch {
    // It is dead now; the error that led here says more than this one would.
  }
}

/** All that tells our mount from a later one at the same place. */
async function ownMount(calls: MountCalls, mount: MountInfo, options: CheckedOptions): Promise<OwnMount> {
  const unique = await new Deadline(UNDO_MS).number('statx', calls.mountId(mount.mountpoint)).catch(() => 0)
  return { mount, unique, connection: connectionOf(mount), helper: options.helper }
}

/** The new mount; before Linux 6.18 the device does not tell its connection, and the top mount there is the new one. */
function findNew(mountpoint: string, connection: number | null): MountInfo {
  const table = MountTable.read()
  const mount =
    connection === null
      ? table.at(mountpoint)
      : table.all.findLast((entry) => connectionOf(entry) === connection && entry.mountpoint === mountpoint)
  if (!mount) throw new StepError('mountinfo', errno.ENOENT)
  return mount
}

interface Face {
  readonly fd: number
  readonly method: MountMethod
  readonly mountpoint: string
  readonly connection: number | null
  /** The mount; null where it is not visible, then there is nothing to unmount. */
  readonly own: OwnMount | null
  /** Our end of the socket to the auto-unmount helper; it leaves when that is closed. */
  readonly watch: number | null
}

function deviceFace(
  calls: MountCalls,
  { fd, method, mountpoint, connection, own, watch }: Face,
  options: CheckedOptions,
  refused: readonly Refusal[],
): MountedDevice {
  let watching = watch
  const ended = () => {
    if (watching !== null) void calls.close(watching)
    watching = null
  }
  return {
    fd,
    method,
    mountpoint,
    connectionId: connection,
    device: connection === null ? null : deviceOfConnection(connection),
    refused,
    allowRoot: options.allowRoot === true && options.allowOther,
    async unmount(how = {}) {
      if (own) await unmountOwn(calls, own, how)
      ended()
    },
    unmountSync() {
      if (own) unmountAtExit(calls, own)
    },
    ended,
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
    const mount = MountTable.read().all.findLast((entry) => connectionOf(entry) === connection)
    const mountpoint = mount?.mountpoint ?? `/dev/fd/${fd}`
    const own = mount ? await ownMount(calls, mount, options) : null
    return deviceFace(calls, { fd, method: 'fd', mountpoint, connection, own, watch: null }, options, [])
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    const { errno: number, step } = error
    const what = `cannot serve /dev/fd/${fd}`
    throw new MountError({ what, errno: number, step, ...causeOfDescriptor(error, fd) })
  }
}
