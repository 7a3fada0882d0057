// The door of this folder: mounting, unmounting, and what the system says about mounts.
import { mountCalls } from '../native/mount.js'
import { explainPath } from './causes.js'
import { Deadline } from './deadline.js'
import { findHolders, type HolderReport } from './holders.js'
import { type FuseMount, listFuseMounts } from './list.js'
import type { MountedDevice } from './mount.js'
import { resolvePlace } from './resolve.js'
import { type MountState, probeMount } from './stale.js'
import { type UnmountOptions, unmountPath } from './unmount.js'

export { MountError, type MountMethod, type Refusal } from './errors.js'
export type { Holder, HolderReport } from './holders.js'
export type { Daemon, FuseMount } from './list.js'
export { type MountedDevice, mountDevice } from './mount.js'
export { nearest } from './nearest.js'
export { parseOptionString } from './option-string.js'
export {
  checkIsOptions,
  type MountOptions,
  OPTION_KEYS,
  optionError,
  shown,
  unknownOption,
} from './options.js'
export type { MountState } from './stale.js'
export type { UnmountOptions } from './unmount.js'

/** Milliseconds for a question that must not take long. */
const ASK_MS = 2000

/**
 * Unmounts the FUSE filesystem at a path, or a mount of our own; never touches the mount, so dead and hung ones come off.
 * @throws MountError
 */
export async function unmount(target: string | MountedDevice, options: UnmountOptions = {}): Promise<void> {
  if (typeof (target as MountedDevice | null)?.unmount === 'function')
    return (target as MountedDevice).unmount(options)
  return unmountPath(mountCalls(), target as string, options)
}

/** Every FUSE mount of this mount namespace, own or not, none of them touched. */
export function listMounts(): Promise<FuseMount[]> {
  return explainPath('cannot list mounts', '/proc/self/mountinfo', () => listFuseMounts(mountCalls()))
}

/**
 * Who uses the mount at `mountpoint`; nobody when nothing is mounted there. The mount is not touched.
 * @throws MountError when the path does not exist or cannot be walked.
 */
export function holders(mountpoint: string): Promise<HolderReport> {
  return explainPath(`cannot look for users of ${mountpoint}`, mountpoint, async () => {
    const calls = mountCalls()
    const { mount } = await resolvePlace(calls, new Deadline(ASK_MS), mountpoint)
    return mount ? findHolders(calls, mount) : { holders: [], hidden: 0 }
  })
}

/** Whether the filesystem at `mountpoint` answers; waits at most `ms` milliseconds for it. */
export function mountState(mountpoint: string, ms: number = ASK_MS): Promise<MountState> {
  return probeMount(mountCalls(), mountpoint, ms)
}

/** True when the daemon of the mount at `mountpoint` is dead ("Transport endpoint is not connected"). */
export async function isStale(mountpoint: string): Promise<boolean> {
  return (await mountState(mountpoint)) === 'stale'
}
