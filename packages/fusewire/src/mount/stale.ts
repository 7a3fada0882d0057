// Is the daemon of a FUSE mount alive, dead or hung? The only code here that touches a mount, and it does so on the pool.
import { errno } from '../abi/errno.js'
import type { MountCalls } from '../native/mount.js'
import { Deadline } from './deadline.js'

/**
 * `alive`: it answers. `stale`: its daemon is dead ("Transport endpoint is not connected") or its connection was ended.
 * `hung`: no answer in time. `denied`: this user may not ask (EACCES without allow_other), which says nothing.
 */
export type MountState = 'alive' | 'stale' | 'hung' | 'denied'

/**
 * Asks the mount for its root's attributes and waits at most `ms` for the answer. Where the mount hangs, one thread of
 * the pool stays behind until the daemon answers or the connection is aborted.
 */
export async function probeMount(calls: MountCalls, mountpoint: string, ms: number): Promise<MountState> {
  const result = await new Deadline(ms).wait('statx', calls.ask(mountpoint)).catch(() => -errno.ETIMEDOUT)
  switch (-result) {
    case errno.ETIMEDOUT:
      return 'hung'
    // After an abort the kernel says ECONNABORTED to those who waited; after a refused INIT it says ECONNREFUSED.
    case errno.ENOTCONN:
    case errno.ECONNABORTED:
    case errno.ECONNREFUSED:
      return 'stale'
    case errno.EACCES:
      return 'denied'
    default:
      return 'alive'
  }
}
