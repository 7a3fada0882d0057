import assert from 'node:assert/strict'
import { type Case, fails, group } from './case.js'

const hard = group('hard links', (add) => {
  add('two names, one content', ['hardLinks'], async (bench) => {
    await bench.fs.link(await bench.file('a', 'one'), bench.at('b'))
    await bench.fs.appendFile(bench.at('b'), '+two')
    assert.equal(await bench.text('a'), 'one+two')
    const [a, b] = [await bench.fs.stat(bench.at('a')), await bench.fs.stat(bench.at('b'))]
    assert.deepEqual([a.ino, a.nlink], [b.ino, 2])
  })
  add('the count follows the names', ['hardLinks'], async (bench) => {
    const path = await bench.file('a')
    for (let i = 1; i <= 10; i++) {
      await bench.fs.link(path, bench.at(`l${i}`))
      assert.equal((await bench.fs.stat(path)).nlink, i + 1)
    }
    for (let i = 10; i >= 1; i--) {
      await bench.fs.unlink(bench.at(`l${i}`))
      assert.equal((await bench.fs.stat(path)).nlink, i)
    }
  })
  add('the last name may be another than the first', ['hardLinks'], async (bench) => {
    await bench.fs.link(await bench.file('a', 'kept'), bench.at('b'))
    await bench.fs.unlink(bench.at('a'))
    assert.equal(await bench.text('b'), 'kept')
  })
  add('in another directory', ['hardLinks'], async (bench) => {
    await bench.dir('d')
    await bench.fs.link(await bench.file('a', 'far'), bench.at('d/b'))
    assert.equal(await bench.text('d/b'), 'far')
    assert.equal((await bench.fs.stat(bench.at('a'))).nlink, 2)
  })
  add('of a directory is EPERM', ['hardLinks'], async (bench) => {
    await fails(bench.fs.link(await bench.dir('d'), bench.at('e')), 'EPERM')
  })
  add('of a symbolic link is one more name of the link', ['hardLinks', 'symlinks'], async (bench) => {
    await bench.fs.symlink('target', bench.at('s'))
    await bench.fs.link(bench.at('s'), bench.at('t'))
    assert.equal(await bench.fs.readlink(bench.at('t')), 'target')
    assert.equal((await bench.fs.lstat(bench.at('t'))).nlink, 2)
  })
  add('changes the ctime', ['hardLinks', 'times'], async (bench) => {
    const path = await bench.file('a')
    const before = (await bench.fs.stat(path, { bigint: true })).ctimeNs
    await new Promise((resolve) => setTimeout(resolve, 20))
    await bench.fs.link(path, bench.at('b'))
    assert.ok((await bench.fs.stat(path, { bigint: true })).ctimeNs > before)
  })
  add('mode and times are of the file, not of the name', ['hardLinks', 'modes', 'times'], async (bench) => {
    await bench.fs.link(await bench.file('a'), bench.at('b'))
    await bench.fs.chmod(bench.at('b'), 0o640)
    await bench.fs.utimes(bench.at('b'), 10, 20)
    const stats = await bench.fs.stat(bench.at('a'))
    assert.deepEqual([stats.mode & 0o777, stats.mtimeMs], [0o640, 20_000])
  })
})

const symbolic = group('symbolic links', (add) => {
  for (const target of ['x', '../x', '/', 'a/b/c', 'with blank', '\u4e2d', 'x'.repeat(1000)]) {
    add(`the target ${JSON.stringify(target.slice(0, 20))}`, ['symlinks'], async (bench) => {
      await bench.fs.symlink(target, bench.at('s'))
      assert.equal(await bench.fs.readlink(bench.at('s')), target)
      const stats = await bench.fs.lstat(bench.at('s'))
      assert.deepEqual([stats.isSymbolicLink(), stats.size], [true, Buffer.byteLength(target)])
    })
  }
  add('an empty target is ENOENT', ['symlinks'], async (bench) =>
    fails(bench.fs.symlink('', bench.at('s')), 'ENOENT'),
  )
  add('4095 bytes are a target, 4096 are ENAMETOOLONG', ['symlinks'], async (bench) => {
    await bench.fs.symlink('t'.repeat(4095), bench.at('s'))
    assert.equal((await bench.fs.readlink(bench.at('s'))).length, 4095)
    await fails(bench.fs.symlink('t'.repeat(4096), bench.at('l')), 'ENAMETOOLONG')
  })
  add('is followed by stat, not by lstat', ['symlinks'], async (bench) => {
    await bench.file('f', 'content')
    await bench.fs.symlink('f', bench.at('s'))
    assert.ok((await bench.fs.stat(bench.at('s'))).isFile())
    assert.ok((await bench.fs.lstat(bench.at('s'))).isSymbolicLink())
    assert.equal(await bench.text('s'), 'content')
  })
  add('that leads nowhere is ENOENT for stat', ['symlinks'], async (bench) => {
    await bench.fs.symlink('none', bench.at('s'))
    await fails(bench.fs.stat(bench.at('s')), 'ENOENT')
    await bench.fs.lstat(bench.at('s'))
  })
  add('that leads to itself is ELOOP', ['symlinks'], async (bench) => {
    await bench.fs.symlink('s', bench.at('s'))
    await fails(bench.fs.stat(bench.at('s')), 'ELOOP')
    await fails(bench.fs.open(bench.at('s'), 'w'), 'ELOOP')
  })
  add('to a directory is a way through', ['symlinks'], async (bench) => {
    await bench.dir('d')
    await bench.file('d/f', 'inside')
    await bench.fs.symlink('d', bench.at('s'))
    assert.equal(await bench.text('s/f'), 'inside')
    assert.deepEqual(await bench.names('s'), ['f'])
    await bench.file('s/g', 'new')
    assert.equal(await bench.text('d/g'), 'new')
  })
  add('to a directory is no directory for rmdir', ['symlinks'], async (bench) => {
    await bench.dir('d')
    await bench.fs.symlink('d', bench.at('s'))
    await fails(bench.fs.rmdir(bench.at('s')), 'ENOTDIR')
    await bench.fs.unlink(bench.at('s'))
    assert.deepEqual(await bench.names(), ['d'])
  })
  add('readlink of a file is EINVAL', ['symlinks'], async (bench) => {
    await fails(bench.fs.readlink(await bench.file('f')), 'EINVAL')
    await fails(bench.fs.readlink(await bench.dir('d')), 'EINVAL')
  })
  add('unlink removes the link and not its target', ['symlinks'], async (bench) => {
    await bench.file('f', 'kept')
    await bench.fs.symlink('f', bench.at('s'))
    await bench.fs.unlink(bench.at('s'))
    assert.deepEqual(await bench.names(), ['f'])
  })
  add('rename moves the link and not its target', ['symlinks'], async (bench) => {
    await bench.file('f', 'kept')
    await bench.fs.symlink('f', bench.at('s'))
    await bench.fs.rename(bench.at('s'), bench.at('t'))
    assert.deepEqual(await bench.names(), ['f', 't'])
    assert.equal(await bench.fs.readlink(bench.at('t')), 'f')
  })
  add('forty are followed, forty-one are ELOOP', ['symlinks'], async (bench) => {
    await bench.file('0', 'end')
    for (let i = 1; i <= 41; i++) await bench.fs.symlink(`${i - 1}`, bench.at(`${i}`))
    assert.equal(await bench.text('40'), 'end')
    await fails(bench.fs.stat(bench.at('41')), 'ELOOP')
  })
  add('has times of its own', ['symlinks', 'times'], async (bench) => {
    await bench.file('f')
    await bench.fs.symlink('f', bench.at('s'))
    await bench.fs.utimes(bench.at('f'), 100, 200)
    await bench.fs.lutimes(bench.at('s'), 300, 400)
    assert.equal((await bench.fs.stat(bench.at('s'))).mtimeMs, 200_000)
    assert.equal((await bench.fs.lstat(bench.at('s'))).mtimeMs, 400_000)
  })
  add('has an owner of its own', ['symlinks', 'owners'], async (bench) => {
    await bench.file('f')
    await bench.fs.symlink('f', bench.at('s'))
    await bench.fs.lchown(bench.at('s'), 12, 34)
    const [link, file] = [await bench.fs.lstat(bench.at('s')), await bench.fs.stat(bench.at('s'))]
    assert.deepEqual([link.uid, link.gid], [12, 34])
    assert.notEqual(file.uid, 12)
  })
  add('a target that is no text', ['symlinks', 'bytes'], async (bench) => {
    const target = Buffer.from([0x2f, 0xff, 0x80])
    await bench.fs.symlink(target, bench.at('s'))
    assert.equal((await bench.fs.lstat(bench.at('s'))).size, 3)
  })
})

export const linkCases: readonly Case[] = [...hard, ...symbolic]
