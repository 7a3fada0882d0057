import assert from 'node:assert/strict'
import { type Case, fails, group } from './case.js'

const LONGEST = 'n'.repeat(255)

const making = group('mkdir, rmdir, unlink', (add) => {
  add('a new directory is empty and a directory', [], async (bench) => {
    const path = await bench.dir('d')
    assert.deepEqual(await bench.names('d'), [])
    assert.ok((await bench.fs.stat(path)).isDirectory())
  })
  add('a directory that is not empty stays', [], async (bench) => {
    await bench.dir('d')
    await bench.file('d/f')
    await fails(bench.fs.rmdir(bench.at('d')), 'ENOTEMPTY', 'EEXIST')
    assert.deepEqual(await bench.names('d'), ['f'])
  })
  add('an emptied directory can go', [], async (bench) => {
    await bench.dir('d')
    await bench.fs.unlink(await bench.file('d/f'))
    await bench.fs.rmdir(bench.at('d'))
    assert.equal(await bench.exists('d'), false)
  })
  add('rmdir of a file is ENOTDIR', [], async (bench) =>
    fails(bench.fs.rmdir(await bench.file('f')), 'ENOTDIR'),
  )
  add('unlink of a directory is EISDIR', [], async (bench) => {
    await fails(bench.fs.unlink(await bench.dir('d')), 'EISDIR', 'EPERM')
  })
  add('a name that went can be made again', [], async (bench) => {
    for (let round = 0; round < 5; round++) {
      await bench.file('x', `${round}`)
      assert.equal(await bench.text('x'), `${round}`)
      await bench.fs.unlink(bench.at('x'))
      await bench.dir('x')
      await bench.fs.rmdir(bench.at('x'))
    }
  })
  add('nothing can be made in a directory that was removed', ['posix'], async (bench) => {
    const path = await bench.dir('d')
    const dir = await bench.fs.opendir(path)
    await bench.fs.rmdir(path)
    assert.equal(await dir.read(), null)
    await dir.close()
    await fails(bench.fs.writeFile(`${path}/f`, ''), 'ENOENT')
  })
  add('twenty directories deep', [], async (bench) => {
    const path = Array.from({ length: 20 }, (_, i) => `level-${i}`)
    for (let i = 1; i <= path.length; i++) await bench.dir(path.slice(0, i).join('/'))
    await bench.file(`${path.join('/')}/f`, 'deep')
    assert.equal(await bench.text(`${path.join('/')}/f`), 'deep')
  })
  add('a hundred made at the same time', [], async (bench) => {
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`)
    await Promise.all(names.map((name) => bench.file(name, name)))
    assert.deepEqual(await bench.names(), [...names].sort())
    for (const name of names) assert.equal(await bench.text(name), name)
  })
  add('of many makers of one name one succeeds', [], async (bench) => {
    const made = await Promise.allSettled(Array.from({ length: 8 }, () => bench.fs.mkdir(bench.at('one'))))
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 1)
    const lost = made.filter((one) => one.status === 'rejected')
    assert.ok(lost.every(({ reason }) => (reason as NodeJS.ErrnoException).code === 'EEXIST'))
  })
  add('of many removers of one name one succeeds', [], async (bench) => {
    const path = await bench.file('one')
    const done = await Promise.allSettled(Array.from({ length: 8 }, () => bench.fs.unlink(path)))
    assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 1)
  })
})

const names = group('names', (add) => {
  const odd: readonly [string, string][] = [
    ['a blank', ' '],
    ['blanks around', '  x  '],
    ['a line feed', 'a\nb'],
    ['a tab', 'a\tb'],
    ['a backslash', 'a\\b'],
    ['quotes', `a'b"c`],
    ['a star', 'a*?[b]'],
    ['three dots', '...'],
    ['a dot in front', '.hidden'],
    ['a hyphen in front', '-rf'],
    ['control characters', '\u0001\u007f'],
    ['two bytes a character', '\u00e9\u00fc'],
    ['three bytes a character', '\u4e2d\u6587'],
    ['four bytes a character', '\u{1f600}'],
    ['a combining accent', 'e\u0301'],
    ['a byte order mark', '\ufeffx'],
    ['a colon', 'a:b'],
    ['a device of Windows', 'con'],
  ]
  for (const [title, name] of odd) {
    add(title, [], async (bench) => {
      await bench.file(name, name)
      assert.deepEqual(await bench.names(), [name])
      assert.equal(await bench.text(name), name)
      await bench.fs.rename(bench.at(name), bench.at(`${name}2`))
      assert.deepEqual(await bench.names(), [`${name}2`])
    })
  }
  add('upper and lower case differ', [], async (bench) => {
    await bench.file('a', 'lower')
    await bench.file('A', 'upper')
    assert.deepEqual(await bench.names(), ['A', 'a'])
    assert.equal(await bench.text('a'), 'lower')
  })
  add('composed and decomposed characters differ', [], async (bench) => {
    await bench.file('\u00e9', 'one')
    await bench.file('e\u0301', 'two')
    assert.equal((await bench.names()).length, 2)
    assert.equal(await bench.text('\u00e9'), 'one')
  })
  add('255 bytes', ['longNames'], async (bench) => {
    await bench.file(LONGEST, 'long')
    assert.deepEqual(await bench.names(), [LONGEST])
    await bench.fs.rename(bench.at(LONGEST), bench.at(`${LONGEST.slice(1)}m`))
    assert.equal(await bench.text(`${LONGEST.slice(1)}m`), 'long')
  })
  add('bytes that are no text', ['bytes'], async (bench) => {
    const name = Buffer.from([0x66, 0xff, 0xfe, 0x80])
    const path = Buffer.concat([Buffer.from(`${bench.directory}/`), name])
    await bench.fs.writeFile(path, 'bytes')
    assert.deepEqual(await bench.fs.readdir(bench.directory, { encoding: 'buffer' }), [name])
    assert.equal((await bench.fs.readFile(path)).toString(), 'bytes')
    await bench.fs.unlink(path)
    assert.deepEqual(await bench.names(), [])
  })
  add('a path of more than 4095 bytes is ENAMETOOLONG', [], async (bench) => {
    const path = `${bench.directory}/${'./'.repeat(2048)}x`
    await fails(bench.fs.stat(path), 'ENAMETOOLONG')
    await fails(bench.fs.writeFile(path, ''), 'ENAMETOOLONG')
  })
})

export const entryCases: readonly Case[] = [...making, ...names]
