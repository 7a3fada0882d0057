// mount(2), for kernels and seccomp filters without the new mount API. Needs CAP_SYS_ADMIN.
import { constants } from 'node:fs'
import { errno } from '../abi/errno.js'
import { MS } from '../native/mount.js'
import { StepError } from './errors.js'
import type { CheckedOptions } from './options.js'
import { FdScope } from './scope.js'
import { type Attached, attach, kernelOptions, type Mounting, sourceOf } from './way.js'

/** The kernel copies one page of data and silently cuts what is longer; the last byte is the NUL. */
const DATA_MAX = 4095

/** Way 2: one call, its target the pinned mount point. */
export async function mountByLegacy(mounting: Mounting): Promise<Attached> {
  const { calls, deadline, options, pin } = mounting
  const scope = new FdScope(calls)
  try {
    const flags = constants.O_RDWR | constants.O_NONBLOCK
    const device = await scope.open('open', deadline, calls.open(options.device, flags))
    const data = kernelOptions(options, device)
      .map(([key, value]) => (value === null ? key : `${key}=${value}`))
      .join(',')
    if (data.length > DATA_MAX) throw new StepError('mount', errno.EINVAL)
    const type = options.subtype === undefined ? 'fuse' : `fuse.${options.subtype}`
    const call = calls.mount(sourceOf(options), `/proc/self/fd/${pin}`, type, flagsOf(options), data)
    await attach(mounting, scope, device, 'mount', call)
    return { fd: scope.release(device) }
  } finally {
    await scope.closeAll(deadline)
  }
}

function flagsOf(options: CheckedOptions): number {
  let flags = 0
  if (options.readOnly) flags |= MS.RDONLY
  if (options.nosuid) flags |= MS.NOSUID
  if (options.nodev) flags |= MS.NODEV
  if (options.noexec) flags |= MS.NOEXEC
  if (options.noatime) flags |= MS.NOATIME
  if (options.nodiratime) flags |= MS.NODIRATIME
  if (options.nosymfollow) flags |= MS.NOSYMFOLLOW
  if (options.sync) flags |= MS.SYNCHRONOUS
  if (options.dirsync) flags |= MS.DIRSYNC
  return flags
}
