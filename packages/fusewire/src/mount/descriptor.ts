// A descriptor of the FUSE device that somebody else opened and mounts: a service manager, a CSI driver, fusermount3 of
// a parent process. The path `/dev/fd/N` names it, as for programs with libfuse.
import { errno, errnoName } from '../abi/errno.js'
import { type MountCalls, POLLERR } from '../native/mount.js'
import type { Cause } from './causes.js'
import type { Deadline } from './deadline.js'
import { connectionOfFd } from './device.js'
import { StepError } from './errors.js'

/** Major and minor number of /dev/fuse (Documentation/admin-guide/devices.txt of Linux). */
const FUSE_MAJOR = 10
const FUSE_MINOR = 229
/** Pause between two looks at a descriptor that is not mounted yet: the kernel has no event for it. */
const LOOK_MS = 20

/** N of `/dev/fd/N`; null for any other path. */
export function fdOfPath(dir: string): number | null {
  const match = /^\/dev\/fd\/(\d{1,9})$/.exec(dir)
  return match ? Number(match[1]) : null
}

/**
 * Makes the descriptor ready to be served: it must be the FUSE device and mounted, or become so within the deadline.
 * Nothing is read from it. @returns its connection number, null where the kernel does not tell it.
 * @throws StepError EBADF (no such descriptor), ENODEV (not the FUSE device), ENOTCONN (nobody mounted it in time).
 */
export async function adoptDescriptor(
  calls: MountCalls,
  deadline: Deadline,
  fd: number,
): Promise<number | null> {
  const status = await deadline.value('fstat', calls.fstat(fd))
  if (status.rmajor !== FUSE_MAJOR || status.rminor !== FUSE_MINOR) throw new StepError('fstat', errno.ENODEV)
  const prepared = calls.prepareDevice(fd)
  if (prepared < 0) throw new StepError('fcntl', -prepared)
  while (deadline.left > 1) {
    const connection = connectionOfFd(fd)
    if (connection !== null) return connection
    // Kernels without the line in fdinfo also have no synchronous INIT, so poll cannot block on them.
    if (((await deadline.number('poll', calls.poll(fd))) & POLLERR) === 0) return connectionOfFd(fd)
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, deadline.left)))
  }
  throw new StepError('poll', errno.ENOTCONN)
}

/** The cause of a StepError of {@link adoptDescriptor}. */
export function causeOfDescriptor(error: StepError, fd: number): Cause {
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
        cause: 'nobody has mounted it in time, or the mount has ended',
        cure: 'let the other side mount it first, or give a longer timeout',
      }
    default:
      return {
        cause: `it cannot be used (${errnoName(error.errno)})`,
        cure: 'look at it in /proc/self/fdinfo',
      }
  }
}
