// The same files served by fuse-native: hello alone, or a directory of the host through node:fs callbacks.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const [library, dir, source] = process.argv.slice(2) as [string, string, string | undefined]
// By path: the peer is no dependency of ours.
const Fuse = createRequire(import.meta.url)(library) as new (
  dir: string,
  ops: object,
  options: object,
) => { mount(cb: (e: unknown) => void): void }
type Callback = (result: number | null, value?: unknown) => void

const ENOENT = -2
const HELLO = Buffer.from('Hello World!\n')
const now = new Date(0)
const stat = (mode: number, size: number) => ({
  mode,
  size,
  nlink: 1,
  uid: 0,
  gid: 0,
  atime: now,
  mtime: now,
  ctime: now,
})

const hello = {
  readdir: (_path: string, cb: Callback) => cb(0, ['hello']),
  getattr(name: string, cb: Callback) {
    if (name === '/') cb(0, stat(0o040755, 0))
    else if (name === '/hello') cb(0, stat(0o100444, HELLO.length))
    else cb(ENOENT)
  },
  open: (_path: string, _flags: number, cb: Callback) => cb(0, 1),
  read(_path: string, _fd: number, buffer: Buffer, length: number, position: number, cb: Callback) {
    cb(HELLO.copy(buffer, 0, position, position + length))
  },
  release: (_path: string, _fd: number, cb: Callback) => cb(0),
}

const errno = (error: NodeJS.ErrnoException | null): number => error?.errno ?? 0
const at = (name: string): string => path.join(source ?? '/', name)
const backed = {
  readdir: (name: string, cb: Callback) => fs.readdir(at(name), (e, names) => cb(errno(e), names)),
  getattr: (name: string, cb: Callback) => fs.lstat(at(name), (e, s) => cb(errno(e), s)),
  open: (name: string, flags: number, cb: Callback) =>
    fs.open(at(name), flags & 3, (e, fd) => cb(errno(e), fd)),
  create: (name: string, mode: number, cb: Callback) =>
    fs.open(at(name), 'w+', mode, (e, fd) => cb(errno(e), fd)),
  unlink: (name: string, cb: Callback) => fs.unlink(at(name), (e) => cb(errno(e))),
  read: (_p: string, fd: number, buffer: Buffer, length: number, position: number, cb: Callback) =>
    fs.read(fd, buffer, 0, length, position, (e, bytes) => cb(e === null ? bytes : errno(e))),
  write: (_p: string, fd: number, buffer: Buffer, length: number, position: number, cb: Callback) =>
    fs.write(fd, buffer, 0, length, position, (e, bytes) => cb(e === null ? bytes : errno(e))),
  release: (_path: string, fd: number, cb: Callback) => fs.close(fd, (e) => cb(errno(e))),
}

const options = { attrTimeout: '0', entryTimeout: '0', force: true }
new Fuse(dir, source === undefined ? hello : backed, options).mount((error) => {
  if (error) throw error
  process.send?.('ready')
})
