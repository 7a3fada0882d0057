// fusectl: what the kernel tells about a connection, and the switch that ends it. No call here touches a mount.
import { readFileSync, writeFileSync } from 'node:fs'
import { errno } from '../abi/errno.js'
import { controlDirectory } from './device.js'

/** Requests that wait for an answer; null where fusectl is not mounted or the connection is another user's. */
export function waitingOf(connection: number): number | null {
  try {
    return Number(readFileSync(`${controlDirectory(connection)}/waiting`, 'latin1'))
  } catch {
    return null
  }
}

/**
 * Aborts a connection: everybody who waits for its daemon gets ECONNABORTED, later calls get ENOTCONN.
 * @returns 0 or a negative errno: -ENOENT where fusectl is not mounted or the connection gone, -EACCES for another user's.
 */
export function abortConnection(connection: number): number {
  try {
    writeFileSync(`${controlDirectory(connection)}/abort`, '1')
    return 0
  } catch (error) {
    return (error as NodeJS.ErrnoException).errno ?? -errno.EIO
  }
}
