// What fromFs() asks of the object, call by call.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FileHandleLike, type FsPromisesLike, fromFs, type PathContext } from '../../src/index.js'

const context: PathContext = { uid: 0, gid: 0, pid: 1, umask: 0, signal: new AbortController().signal }

/** An object that keeps what it was asked. */
function recorder(): { fs: FsPromisesLike; calls: unknown[][] } {
  const calls: unknown[][] = []
  const fs = new Proxy({} as FsPromisesLike, {
    get:
      (_target, name) =>
      async (...args: unknown[]) => {
        calls.push([name, ...args])
        if (name === 'lstat') return { mode: 0o100644, atimeMs: 1000, mtimeMs: 2000 }
        return name === 'readdir' ? [] : 'done'
      },
  })
  return { fs, calls }
}

test('paths lie under the root, whatever slashes it ends with', async () => {
  for (const [root, expected] of [
    [undefined, ['/', '/a/b']],
    ['/', ['/', '/a/b']],
    ['/srv', ['/srv', '/srv/a/b']],
    ['/srv//', ['/srv', '/srv/a/b']],
  ] as const) {
    const { fs, calls } = recorder()
    const paths = fromFs(fs, root === undefined ? {} : { root })
    await paths.readdir!('/', context)
    await paths.readdir!('/a/b', context)
    assert.deepEqual(
      calls.map(([, path]) => path),
      expected,
    )
  }
})

test('a time that stays is read and written back', async () => {
  const { fs, calls } = recorder()
  await fromFs(fs).utimes!('/f', undefined, new Date(5), context)
  assert.deepEqual(calls.at(-1), ['lutimes', '/f', new Date(1000), new Date(5)])
})

test('flags of renames are refused without a call', async () => {
  const { fs, calls } = recorder()
  await assert.rejects(async () => fromFs(fs).rename!('/a', '/b', 1, context), { code: 'EINVAL' })
  assert.deepEqual(calls, [])
})

test('short reads and writes go on until all is done or the file ends', async () => {
  const data = Buffer.from('0123456789')
  const written: number[] = []
  const handle: FileHandleLike = {
    read: async (buffer, offset, _length, position) => ({
      bytesRead: data.copy(buffer, offset, position, position + 3),
    }),
    write: async (_buffer, _offset, length, position) => {
      written.push(position)
      return { bytesWritten: Math.min(4, length) }
    },
    close: async () => {},
  }
  const paths = fromFs(recorder().fs)
  const buffer = Buffer.alloc(20)
  assert.equal(await paths.read!('/f', handle, buffer, 1, context), 9)
  assert.equal(buffer.toString('latin1', 0, 9), '123456789')
  assert.equal(await paths.write!('/f', handle, data, 100, context), 10)
  assert.deepEqual(written, [100, 104, 108])
})

test('a file that could not be given its mode is closed again', async () => {
  let closed = 0
  const fs: FsPromisesLike = {
    readdir: async () => [],
    open: async () => ({ read: async () => ({ bytesRead: 0 }), close: async () => ++closed }),
    lstat: async () => ({ mode: 0o100600 }),
    chmod: async () => {
      throw Object.assign(new Error('no'), { code: 'EPERM' })
    },
  }
  await assert.rejects(async () => fromFs(fs).create!('/f', 2, 0o644, context), { code: 'EPERM' })
  assert.equal(closed, 1)
})

test('methods that the object lacks do not exist', () => {
  const paths = fromFs({ readdir: async () => [], open: async () => assert.fail('not called') })
  for (const name of [
    'mkdir',
    'rmdir',
    'unlink',
    'rename',
    'link',
    'symlink',
    'readlink',
    'statfs',
    'chmod',
    'chown',
    'utimes',
  ] as const) {
    assert.equal(paths[name], undefined, name)
  }
})
