// Paths and promises: files that are made when they are read.
//   npm run example clock ./mnt     then: cat mnt/utc mnt/unix; ls -l mnt
import { FsError, mount, PathFileSystem, type StatsLike } from 'fusewire'

const FACES: Record<string, () => string> = {
  '/utc': () => `${new Date().toISOString()}\n`,
  '/unix': () => `${Math.floor(Date.now() / 1000)}\n`,
  '/local': () => `${new Date().toString()}\n`,
}

class Clock extends PathFileSystem {
  override async readdir(): Promise<string[]> {
    return Object.keys(FACES).map((path) => path.slice(1))
  }

  override async stat(path: string): Promise<StatsLike> {
    if (path === '/') return { mode: 0o040755, nlink: 2 }
    if (!(path in FACES)) throw new FsError('ENOENT')
    // No size: it is only known when the file is opened, so the page cache stays out of it.
    return { mode: 0o100444, mtimeMs: Date.now() }
  }

  /** What `open` gives comes back as the handle: one reading of the clock for one opening of the file. */
  override async open(path: string): Promise<Buffer> {
    return Buffer.from(FACES[path]!())
  }

  override async read(_path: string, handle: unknown, buffer: Uint8Array, position: number): Promise<number> {
    return (handle as Buffer).copy(buffer, 0, position)
  }
}

await mount(process.argv[2] ?? './mnt', new Clock(), { attrTimeout: 0 })
