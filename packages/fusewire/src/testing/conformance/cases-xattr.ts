import assert from 'node:assert/strict'
import { type Bench, type Capability, type Case, fails, group } from './case.js'

const NEEDS: readonly Capability[] = ['posix', 'xattr']
const CREATE = 1
const REPLACE = 2

const own = async (bench: Bench, path: string): Promise<string[]> =>
  (await bench.posix.listxattr(path)).filter((name) => name.startsWith('user.')).sort()

export const xattrCases: readonly Case[] = group('extended attributes', (add) => {
  for (const [title, make] of [
    ['a file', (bench: Bench) => bench.file('x')],
    ['a directory', (bench: Bench) => bench.dir('x')],
  ] as const) {
    add(`of ${title} are set, listed, read and removed`, NEEDS, async (bench) => {
      const path = await make(bench)
      await bench.posix.setxattr(path, 'user.one', Buffer.from('1'))
      await bench.posix.setxattr(path, 'user.two', Buffer.from('22'))
      assert.deepEqual(await own(bench, path), ['user.one', 'user.two'])
      assert.equal((await bench.posix.getxattr(path, 'user.two')).toString(), '22')
      await bench.posix.removexattr(path, 'user.one')
      assert.deepEqual(await own(bench, path), ['user.two'])
      await fails(bench.posix.getxattr(path, 'user.one'), 'ENODATA')
    })
  }
  for (const length of [0, 1, 255, 1024]) {
    add(`a value of ${length} bytes`, NEEDS, async (bench) => {
      const path = await bench.file('f')
      const value = Buffer.alloc(length, 0x80)
      await bench.posix.setxattr(path, 'user.v', value)
      assert.ok(value.equals(await bench.posix.getxattr(path, 'user.v')))
    })
  }
  add('a value is replaced', NEEDS, async (bench) => {
    const path = await bench.file('f')
    await bench.posix.setxattr(path, 'user.a', Buffer.from('a longer one'))
    await bench.posix.setxattr(path, 'user.a', Buffer.from('short'))
    assert.equal((await bench.posix.getxattr(path, 'user.a')).toString(), 'short')
  })
  add('XATTR_CREATE of one that exists is EEXIST', NEEDS, async (bench) => {
    const path = await bench.file('f')
    await bench.posix.setxattr(path, 'user.a', Buffer.from('1'), CREATE)
    await fails(bench.posix.setxattr(path, 'user.a', Buffer.from('2'), CREATE), 'EEXIST')
    assert.equal((await bench.posix.getxattr(path, 'user.a')).toString(), '1')
  })
  add('XATTR_REPLACE of one that does not exist is ENODATA', NEEDS, async (bench) => {
    const path = await bench.file('f')
    await fails(bench.posix.setxattr(path, 'user.a', Buffer.from('1'), REPLACE), 'ENODATA')
    assert.deepEqual(await own(bench, path), [])
  })
  add('removing what is not there is ENODATA', NEEDS, async (bench) => {
    await fails(bench.posix.removexattr(await bench.file('f'), 'user.a'), 'ENODATA')
  })
  add('a name without a known prefix is EOPNOTSUPP', NEEDS, async (bench) => {
    await fails(bench.posix.setxattr(await bench.file('f'), 'nothing.a', Buffer.from('1')), 'EOPNOTSUPP')
  })
  add('a value of more than 64 KiB is E2BIG', NEEDS, async (bench) => {
    await fails(bench.posix.setxattr(await bench.file('f'), 'user.a', Buffer.alloc(65537)), 'E2BIG', 'ENOSPC')
  })
  add('a symbolic link has no user attributes', [...NEEDS, 'symlinks'], async (bench) => {
    await bench.fs.symlink('x', bench.at('s'))
    await fails(bench.posix.setxattr(bench.at('s'), 'user.a', Buffer.from('1'), 0, false), 'EPERM')
  })
  add('they are of the file, not of the name', [...NEEDS, 'hardLinks'], async (bench) => {
    await bench.fs.link(await bench.file('a'), bench.at('b'))
    await bench.posix.setxattr(bench.at('a'), 'user.a', Buffer.from('1'))
    assert.equal((await bench.posix.getxattr(bench.at('b'), 'user.a')).toString(), '1')
  })
  add('a rename keeps them, a new file has none', NEEDS, async (bench) => {
    const path = await bench.file('f')
    await bench.posix.setxattr(path, 'user.a', Buffer.from('1'))
    await bench.fs.rename(path, bench.at('g'))
    assert.deepEqual(await own(bench, bench.at('g')), ['user.a'])
    assert.deepEqual(await own(bench, await bench.file('f')), [])
  })
  add('setting one changes the ctime', [...NEEDS, 'times'], async (bench) => {
    const path = await bench.file('f')
    const before = (await bench.fs.stat(path, { bigint: true })).ctimeNs
    await new Promise((resolve) => setTimeout(resolve, 20))
    await bench.posix.setxattr(path, 'user.a', Buffer.from('1'))
    assert.ok((await bench.fs.stat(path, { bigint: true })).ctimeNs > before)
  })
  add('trusted attributes of root', [...NEEDS, 'privilegedXattr'], async (bench) => {
    const path = await bench.file('f')
    await bench.posix.setxattr(path, 'trusted.a', Buffer.from('t'))
    assert.equal((await bench.posix.getxattr(path, 'trusted.a')).toString(), 't')
    assert.ok((await bench.posix.listxattr(path)).includes('trusted.a'))
  })
  add(
    'user attributes need the rights of the file',
    [...NEEDS, 'users', 'modes', 'owners'],
    async (bench) => {
      await bench.fs.chmod(bench.directory, 0o777)
      const path = await bench.file('f')
      await bench.fs.chmod(path, 0o644)
      const other = await bench.as({ uid: 1003, gid: 1003 })
      await fails(other.setxattr(path, 'user.a', Buffer.from('1')), 'EACCES')
      await bench.posix.setxattr(path, 'user.a', Buffer.from('1'))
      assert.equal((await other.getxattr(path, 'user.a')).toString(), '1')
      await bench.fs.chmod(path, 0o600)
      await fails(other.getxattr(path, 'user.a'), 'EACCES')
    },
  )
})
