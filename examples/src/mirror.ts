// Any object shaped as node:fs/promises: here node's own, with a rule on top: nothing that begins with "secret" is seen.
//   npm run example mirror ./mnt ./some-directory
import * as fs from 'node:fs/promises'
import { basename } from 'node:path'
import { type DirentLike, FsError, type FsPromisesLike, fromFs, mount, type StatsLike } from 'fusewire'

const isSecret = (path: string): boolean => basename(path).startsWith('secret')

const guarded: FsPromisesLike = {
  ...(fs as unknown as FsPromisesLike),
  async lstat(path): Promise<StatsLike> {
    if (isSecret(path)) throw new FsError('ENOENT')
    return fs.lstat(path, { bigint: true })
  },
  async readdir(path): Promise<DirentLike[]> {
    const entries = await fs.readdir(path, { withFileTypes: true })
    return entries.filter(({ name }) => !isSecret(name))
  },
}

await mount(process.argv[2] ?? './mnt', fromFs(guarded, { root: process.argv[3] ?? process.cwd() }))
