import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Capabilities, FsShape, Place } from '../../src/testing/index.js'
import { HelperFs } from './helper-fs.js'
import { HelperProcess, noHelper } from './helper-process.js'

/** What a complete filesystem of Linux has for root on this machine. */
export function hostCapabilities(): Capabilities {
  const helper = noHelper() ?? true
  const root = process.getuid?.() === 0 ? true : 'only root may'
  return {
    posix: helper,
    processes: helper,
    users: root,
    owners: root,
    devices: root,
    privilegedXattr: root,
    whiteout: root,
    hardLinks: true,
    symlinks: true,
    modes: true,
    times: true,
    nanoseconds: true,
    special: true,
    xattr: true,
    sparse: true,
    fallocate: true,
    punch: true,
    copyRange: true,
    locks: true,
    flock: true,
    tmpfile: true,
    renameFlags: true,
    unlinkedOpen: true,
    bytes: true,
    longNames: true,
    bigFiles: true,
    directoryLinks: true,
    blocks: true,
    statfs: true,
    inodes: true,
    exactModes: true,
  }
}

/**
 * A directory of this machine as a place for the suite: node:fs itself, and processes that make the calls which
 * Node.js has not. `directory` must be empty; `close` comes after the processes have ended.
 */
export function hostPlace(directory: string, close: () => Promise<void>): Place {
  const helpers: HelperProcess[] = []
  const start = (user: ConstructorParameters<typeof HelperProcess>[0]): HelperFs => {
    const helper = new HelperProcess(user)
    helpers.push(helper)
    return new HelperFs(helper)
  }
  const root = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  return {
    fs: nodeFs as unknown as FsShape,
    directory,
    ...(noHelper() === null ? { posix: start(root), as: async (user) => start(user) } : {}),
    close: async () => {
      for (const helper of helpers) helper.end()
      await close()
    },
  }
}

/** An empty directory below `base`, which every user may enter. */
export async function emptyDirectory(base = tmpdir()): Promise<string> {
  const directory = await nodeFs.mkdtemp(join(base, 'fusewire-conformance-'))
  await nodeFs.chmod(directory, 0o755)
  return directory
}
