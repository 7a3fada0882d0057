import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { resolve } from 'node:path'

/*
 * A call into a filesystem that this very process serves would wait for itself. Nothing here touches a mount: the
 * connections are read off the descriptors of /dev/fuse, the mount points off /proc/self/mountinfo.
 */

/** MKDEV of the kernel: 20 bits of minor. */
const MINOR_LIMIT = 0x10_0000

/** Device numbers (as `fuse_connection` in fdinfo has them) of the FUSE connections that this process serves. */
export function servedConnections(): Set<number> {
  const found = new Set<number>()
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== '/dev/fuse') continue
      const match = /^fuse_connection:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
      if (match !== null) found.add(Number(match[1]))
    } catch {
      // The descriptor was closed meanwhile: readdir's own always is.
    }
  }
  return found
}

/** Whether the device is a mount that this process serves. */
export function isOwnMount(major: number, minor: number): boolean {
  return major === 0 && servedConnections().has(major * MINOR_LIMIT + minor)
}

/** A mount point of this process's own mounts that the way to `path` crosses, or null. Symlinks are not followed. */
export function ownMountAbove(path: string): string | null {
  const served = servedConnections()
  if (served.size === 0) return null
  const absolute = `${resolve(path)}/`
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, , device, , escaped] = line.split(' ')
    if (device === undefined || escaped === undefined) continue
    const point = escaped.replace(/\\(\d{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    const [major, minor] = device.split(':')
    const own = major === '0' && served.has(Number(minor))
    if (own && absolute.startsWith(point.endsWith('/') ? point : `${point}/`)) return point
  }
  return null
}
