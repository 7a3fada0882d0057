import type { FsShape, PathLike } from '../posix-fs.js'

/** Removes a directory with all that is in it; names are taken as bytes. */
export async function removeTree(fs: FsShape, path: PathLike): Promise<void> {
  const base = Buffer.from(typeof path === 'string' ? `${path}/` : Buffer.concat([path, Buffer.from('/')]))
  await fs.chmod(path, 0o700).catch(() => undefined)
  for (const name of await fs.readdir(path, { encoding: 'buffer' })) {
    const child = Buffer.concat([base, Buffer.from(name)])
    const stats = await fs.lstat(child)
    if (stats.isDirectory()) await removeTree(fs, child)
    else await fs.unlink(child)
  }
  await fs.rmdir(path)
}
