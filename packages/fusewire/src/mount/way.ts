import { errno } from '../abi/errno.js'
import { type MountCalls, UMOUNT } from '../native/mount.js'
import type { Deadline } from './deadline.js'
import { connectionOfFd } from './device.js'
import { StepError } from './errors.js'
import { connectionOf, MountTable } from './mountinfo.js'
import type { CheckedOptions } from './options.js'
import type { FdScope } from './scope.js'

/** One attempt to mount, as every way gets it. */
export interface Mounting {
  readonly calls: MountCalls
  readonly deadline: Deadline
  readonly options: CheckedOptions
  /** Resolved path of the mount point. */
  readonly mountpoint: string
  /** O_PATH descriptor of the mount point: what it names cannot be swapped for something else meanwhile. */
  readonly pin: number
}

/** What a way hands over: from here on the caller owns the descriptor. */
export interface Attached {
  /** The device, O_NONBLOCK and close-on-exec. */
  readonly fd: number
  /** Our end of the socket to a helper that unmounts once it is closed (autoUnmount). */
  readonly watch?: number
}

/** Mounts, or throws a StepError and leaves nothing behind. */
export type Way = (mounting: Mounting) => Promise<Attached>

/** The source that mountinfo shows. */
export function sourceOf(options: CheckedOptions): string {
  return options.fsname ?? options.subtype ?? 'fusewire'
}

/** `rootmode` for the kernel: octal, only the file type counts. */
export function rootModeOf(options: CheckedOptions): string {
  return options.rootType === 'file' ? '100000' : '40000'
}

/** The four things the kernel must be told, and the options that it takes beside them; value null for a bare word. */
export function kernelOptions(options: CheckedOptions, fd: number): [key: string, value: string | null][] {
  const list: [string, string | null][] = [
    ['fd', String(fd)],
    ['rootmode', rootModeOf(options)],
    ['user_id', String(process.getuid?.() ?? 0)],
    ['group_id', String(process.getgid?.() ?? 0)],
  ]
  if (options.defaultPermissions) list.push(['default_permissions', null])
  if (options.allowOther) list.push(['allow_other', null])
  if (options.maxRead !== undefined) list.push(['max_read', String(options.maxRead)])
  return list
}

/**
 * Waits for the call that puts the mount in place. One that succeeds after its deadline has no owner any more: it is
 * taken off again, and only then the device is closed, because its fdinfo tells which mount is ours.
 */
export async function attach(
  { calls, deadline, mountpoint }: Mounting,
  scope: FdScope,
  device: number,
  step: string,
  call: Promise<number>,
): Promise<void> {
  try {
    await deadline.number(step, call, async (late) => {
      const top = MountTable.read().at(mountpoint)
      if (late >= 0 && top && connectionOf(top) === connectionOfFd(device)) {
        await calls.umount(mountpoint, UMOUNT.DETACH | UMOUNT.NOFOLLOW)
      }
      await calls.close(device)
    })
  } catch (error) {
    if (error instanceof StepError && error.errno === errno.ETIMEDOUT) scope.release(device)
    throw error
  }
}
