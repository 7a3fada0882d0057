// The mount API of Linux 5.2: a filesystem context, a detached mount, then its attachment. Needs CAP_SYS_ADMIN.
import { constants } from 'node:fs'
import { FSCONFIG, MOUNT_ATTR, type MountCalls } from '../native/mount.js'
import type { Deadline } from './deadline.js'
import { StepError } from './errors.js'
import type { CheckedOptions } from './options.js'
import { FdScope } from './scope.js'
import { type Attached, attach, kernelOptions, type Mounting, sourceOf } from './way.js'

/** Way 1: fsopen, fsconfig, fsmount, move_mount onto the pinned mount point. */
export async function mountByFsmount(mounting: Mounting): Promise<Attached> {
  const { calls, deadline, options } = mounting
  const scope = new FdScope(calls)
  try {
    const flags = constants.O_RDWR | constants.O_NONBLOCK
    const device = await scope.open('open', deadline, calls.open(options.device, flags))
    const context = await scope.open('fsopen', deadline, calls.fsopen('fuse'))
    await configure(calls, deadline, context, options, device)
    const mount = await scope.open('fsmount', deadline, calls.fsmount(context, attributesOf(options)))
    await attach(mounting, scope, device, 'move_mount', calls.moveMount(mount, mounting.pin))
    return { fd: scope.release(device) }
  } finally {
    await scope.closeAll(deadline)
  }
}

async function configure(
  calls: MountCalls,
  deadline: Deadline,
  context: number,
  options: CheckedOptions,
  device: number,
): Promise<void> {
  const set = async (key: string | null, value: string | null) => {
    const command =
      key === null ? FSCONFIG.CMD_CREATE : value === null ? FSCONFIG.SET_FLAG : FSCONFIG.SET_STRING
    const step = key === null ? 'fsconfig create' : `fsconfig ${key}`
    const result = await deadline.wait(step, calls.fsconfig(context, command, key, value))
    if (result < 0) throw new StepError(step, -result, await contextLog(calls, deadline, context))
  }
  // The type must be plain `fuse` here: a suffix would be accepted and lost.
  if (options.subtype !== undefined) await set('subtype', options.subtype)
  await set('source', sourceOf(options))
  // The superblock's half of these; the mount's half of `ro` is an attribute of fsmount.
  if (options.readOnly) await set('ro', null)
  if (options.sync) await set('sync', null)
  if (options.dirsync) await set('dirsync', null)
  for (const [key, value] of kernelOptions(options, device)) await set(key, value)
  await set(null, null)
}

/** The kernel's own words about the call that just failed; empty where it had none. */
async function contextLog(calls: MountCalls, deadline: Deadline, context: number): Promise<string[]> {
  const text = await deadline.wait('read', calls.contextLog(context)).catch(() => '')
  if (typeof text === 'number') return []
  return text.split('\n').flatMap((line) => (line === '' ? [] : [line.replace(/^[ewi] /, '')]))
}

function attributesOf(options: CheckedOptions): number {
  let attributes = 0
  if (options.readOnly) attributes |= MOUNT_ATTR.RDONLY
  if (options.nosuid) attributes |= MOUNT_ATTR.NOSUID
  if (options.nodev) attributes |= MOUNT_ATTR.NODEV
  if (options.noexec) attributes |= MOUNT_ATTR.NOEXEC
  if (options.noatime) attributes |= MOUNT_ATTR.NOATIME
  if (options.nodiratime) attributes |= MOUNT_ATTR.NODIRATIME
  if (options.nosymfollow) attributes |= MOUNT_ATTR.NOSYMFOLLOW
  return attributes
}
