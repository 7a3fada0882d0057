// The conformance suite on other filesystems of this library, on the simulated kernel.
import { fromFs, memory } from '../../src/index.js'
import { type Capabilities, conformance, type FsShape, simulate } from '../../src/testing/index.js'

const FROM_FS: Capabilities = {
  hardLinks: true,
  symlinks: true,
  modes: true,
  times: true,
  unlinkedOpen: true,
  statfs: true,
  longNames: true,
  posix: 'fromFs has what node:fs/promises has',
  nanoseconds: 'node:fs/promises sets times in milliseconds',
  bytes: 'node:fs/promises gives names as text',
  owners: 'the caller is the owner',
  inodes: 'fromFs has no inode numbers of its own',
  directoryLinks: 'fromFs counts no subdirectories',
  blocks: 'fromFs has no holes',
}

conformance(
  'fromFs of another simulated mount',
  async () => {
    const inner = await simulate(memory({ uid: 0, gid: 0 }))
    // Each name is a node of its own there, so the kernel must not keep what another name has changed.
    const outer = await simulate(fromFs(inner.fs as never), { attrTimeout: 0 })
    // A file that is removed before its RELEASE has come has a hidden name up to then, and its directory is not empty.
    const rmdir = async (path: string): Promise<void> => {
      await outer.settled()
      await outer.fs.rmdir(path)
    }
    const fs = new Proxy(outer.fs, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown
        return name === 'rmdir' ? rmdir : typeof member === 'function' ? member.bind(target) : member
      },
    })
    const close = async (): Promise<void> => {
      await outer.unmount()
      await inner.unmount()
    }
    return { fs: fs as FsShape, directory: '', close }
  },
  FROM_FS,
)
