// What /proc tells about a descriptor of the FUSE device.
import { readFileSync } from 'node:fs'

/**
 * Number of the connection that a device descriptor belongs to: the line `fuse_connection:` of its fdinfo, which is
 * there from the moment that INIT waits to be read. Null before that, for other files, and on kernels below 6.18.
 */
export function connectionOfFd(fd: number | string, pid: number | 'self' = 'self'): number | null {
  try {
    const line = /^fuse_connection:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))
    return line ? Number(line[1]) : null
  } catch {
    return null
  }
}

/** `major:minor` of a connection number; see `connectionOf` of mountinfo. */
export function deviceOfConnection(connection: number): string {
  return `${Math.floor(connection / 2 ** 20)}:${connection % 2 ** 20}`
}

/** Directory of a connection in fusectl; there only where fusectl is mounted. */
export function controlDirectory(connection: number): string {
  return `/sys/fs/fuse/connections/${connection}`
}
