// The control: a case that fails on the host's own tmpfs is wrong.
import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { conformance } from '../../src/testing/index.js'
import { emptyDirectory, hostCapabilities, hostPlace } from './host.js'

const isTmpfs = (path: string): boolean => {
  try {
    return execFileSync('stat', ['-f', '-c', '%T', path], { encoding: 'utf8' }).trim() === 'tmpfs'
  } catch {
    return false
  }
}

const BASE = '/dev/shm'
const none =
  process.platform !== 'linux'
    ? 'the control is a filesystem of Linux'
    : 'this machine has no tmpfs at /dev/shm'

conformance(
  'the tmpfs of this machine',
  async () => {
    const directory = await emptyDirectory(BASE)
    return hostPlace(directory, () => rm(directory, { recursive: true, force: true }))
  },
  isTmpfs(BASE)
    ? hostCapabilities()
    : Object.fromEntries(Object.keys(hostCapabilities()).map((name) => [name, none])),
)
