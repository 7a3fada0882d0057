// Why an unmount failed, in words.
import { errno, errnoName } from '../abi/errno.js'
import type { MountCalls } from '../native/mount.js'
import { MountError, type StepError } from './errors.js'
import { describeHolders, findHolders } from './holders.js'
import type { MountInfo } from './mountinfo.js'

/** The error for a failed step of an unmount; for EBUSY the holders are looked up. */
export async function explainUnmount(
  calls: MountCalls,
  mount: MountInfo,
  error: StepError,
): Promise<MountError> {
  const base = {
    what: `cannot unmount ${mount.mountpoint}`,
    errno: error.errno,
    step: error.step,
    log: error.log,
  }
  if (error.step === 'find fusermount3') {
    const cause = 'a user unmounts by fusermount3, and it is not installed'
    return new MountError({ ...base, errno: errno.EPERM, cause, cure: 'install fuse3, or unmount as root' })
  }
  switch (error.errno) {
    case errno.EBUSY: {
      const report = await findHolders(calls, mount)
      const cause = `it is in use by ${describeHolders(report)}`
      return new MountError({ ...base, cause, cure: 'end that, or unmount lazily', holders: report.holders })
    }
    case errno.ETIMEDOUT:
      return new MountError({ ...base, cause: 'its daemon did not answer in time', cure: 'unmount by force' })
    case errno.EINVAL:
    case errno.ENOENT: {
      const cause = 'it is not mounted any more, or was not mounted by this user'
      return new MountError({ ...base, cause, cure: 'see fusewire list; root may unmount everything' })
    }
    default: {
      const cause = error.log.length > 0 ? error.log.join('; ') : `the kernel says ${errnoName(error.errno)}`
      return new MountError({ ...base, cause, cure: 'unmount as root or as the user who mounted it' })
    }
  }
}
