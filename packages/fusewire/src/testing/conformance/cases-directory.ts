import assert from 'node:assert/strict'
import type { DirShape } from '../posix-fs.js'
import { type Bench, type Capability, type Case, fails, group } from './case.js'

/** The names that are left of an open listing. */
async function rest(dir: DirShape): Promise<string[]> {
  const names: string[] = []
  for (let entry = await dir.read(); entry !== null; entry = await dir.read()) names.push(entry.name)
  return names
}

async function many(bench: Bench, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `entry-${i}`)
  for (let at = 0; at < count; at += 50) {
    await Promise.all(names.slice(at, at + 50).map((name) => bench.file(name)))
  }
  return names
}

/** Enough that no listing fits in one request. */
const MANY = 1500

const listing = group('readdir', (add) => {
  add('an empty directory', [], async (bench) => assert.deepEqual(await bench.names(), []))
  add('a listing has each name once', [], async (bench) => {
    const names = await many(bench, MANY)
    assert.deepEqual(await bench.names(), [...names].sort())
  })
  add('names of 200 bytes', [], async (bench) => {
    const names = Array.from({ length: 300 }, (_, i) => `${i}`.padStart(200, 'n'))
    for (const name of names) await bench.file(name)
    assert.deepEqual(await bench.names(), [...names].sort())
  })
  add('neither "." nor ".." is a name', [], async (bench) => {
    await bench.dir('d')
    assert.deepEqual(await bench.names(), ['d'])
  })
  const kinds: readonly [string, Capability[], string, (bench: Bench) => Promise<unknown>][] = [
    ['file', [], 'isFile', (bench) => bench.file('x')],
    ['directory', [], 'isDirectory', (bench) => bench.dir('x')],
    ['link', ['symlinks'], 'isSymbolicLink', (bench) => bench.fs.symlink('y', bench.at('x'))],
    ['fifo', ['posix', 'special'], 'isFIFO', (bench) => bench.posix.mknod(bench.at('x'), 0o010644)],
    ['socket', ['posix', 'special'], 'isSocket', (bench) => bench.posix.mknod(bench.at('x'), 0o140644)],
  ]
  for (const [title, needs, method, make] of kinds) {
    add(`the type of a ${title}`, needs, async (bench) => {
      await make(bench)
      const [entry] = await bench.fs.readdir(bench.directory, { withFileTypes: true })
      const stats = await bench.fs.lstat(bench.at('x'))
      assert.equal(entry!.name, 'x')
      assert.equal(entry![method as 'isFile'](), true)
      assert.equal(stats[method as 'isFile'](), true)
    })
  }
  add('of a file is ENOTDIR', [], async (bench) => fails(bench.fs.readdir(await bench.file('f')), 'ENOTDIR'))
  add('shows what was made and removed just now', [], async (bench) => {
    for (let i = 0; i < 10; i++) {
      await bench.file(`f${i}`)
      assert.equal((await bench.names()).length, i + 1)
    }
    for (let i = 0; i < 10; i++) {
      await bench.fs.unlink(bench.at(`f${i}`))
      assert.equal((await bench.names()).length, 9 - i)
    }
  })
  add('many listings at the same time', [], async (bench) => {
    const names = (await many(bench, 200)).sort()
    const lists = await Promise.all(Array.from({ length: 8 }, () => bench.names()))
    for (const list of lists) assert.deepEqual(list, names)
  })
})

const changing = group('readdir while the directory changes', (add) => {
  add('names that stay are listed once while others go', [], async (bench) => {
    const names = await many(bench, MANY)
    const dir = await bench.fs.opendir(bench.directory, { bufferSize: 8 })
    const seen = [(await dir.read())!.name]
    const gone = new Set(names.filter((_, i) => i % 2 === 0))
    for (const name of gone) await bench.fs.unlink(bench.at(name))
    seen.push(...(await rest(dir)))
    await dir.close()
    assert.equal(new Set(seen).size, seen.length, 'no name comes twice')
    for (const name of names) assert.ok(gone.has(name) || seen.includes(name), `${name} is missing`)
    assert.equal((await bench.names()).length, names.length - gone.size)
  })
  add('names that stay are listed once while others come', [], async (bench) => {
    const names = await many(bench, MANY)
    const dir = await bench.fs.opendir(bench.directory, { bufferSize: 8 })
    const seen = [(await dir.read())!.name]
    for (let i = 0; i < 200; i++) await bench.file(`new-${i}`)
    seen.push(...(await rest(dir)))
    await dir.close()
    assert.equal(new Set(seen).size, seen.length, 'no name comes twice')
    for (const name of names) assert.ok(seen.includes(name), `${name} is missing`)
    assert.equal((await bench.names()).length, MANY + 200)
  })
  add('every name can be removed while it is read', [], async (bench) => {
    await many(bench, MANY)
    const dir = await bench.fs.opendir(bench.directory, { bufferSize: 8 })
    for (let entry = await dir.read(); entry !== null; entry = await dir.read()) {
      await bench.fs.unlink(bench.at(entry.name))
    }
    await dir.close()
    assert.deepEqual(await bench.names(), [])
  })
  add('a renamed directory is listed on', [], async (bench) => {
    await bench.dir('d')
    for (let i = 0; i < 20; i++) await bench.file(`d/${i}`)
    const dir = await bench.fs.opendir(bench.at('d'), { bufferSize: 4 })
    const first = (await dir.read())!.name
    await bench.fs.rename(bench.at('d'), bench.at('e'))
    const names = [first, ...(await rest(dir))]
    await dir.close()
    assert.equal(new Set(names).size, 20)
  })
  add('a new listing shows what came since', [], async (bench) => {
    await bench.file('a')
    const dir = await bench.fs.opendir(bench.directory)
    await bench.file('b')
    await dir.close()
    assert.deepEqual(await bench.names(), ['a', 'b'])
  })
})

const attributes = group('directories: times and links', (add) => {
  const changes: readonly [string, Capability[], (bench: Bench) => Promise<unknown>][] = [
    ['a new file', [], (bench) => bench.file('d/new')],
    ['a new directory', [], (bench) => bench.dir('d/new')],
    ['an unlink', [], (bench) => bench.fs.unlink(bench.at('d/old'))],
    ['a rename inside', [], (bench) => bench.fs.rename(bench.at('d/old'), bench.at('d/new'))],
    ['a rename to elsewhere', [], (bench) => bench.fs.rename(bench.at('d/old'), bench.at('new'))],
    [
      'a rename from elsewhere',
      [],
      async (bench) => bench.fs.rename(await bench.file('other'), bench.at('d/new')),
    ],
    ['a link', ['hardLinks'], (bench) => bench.fs.link(bench.at('d/old'), bench.at('d/new'))],
    ['a symbolic link', ['symlinks'], (bench) => bench.fs.symlink('x', bench.at('d/new'))],
  ]
  for (const [title, needs, change] of changes) {
    add(`${title} changes the directory's mtime`, ['times', ...needs], async (bench) => {
      const path = await bench.dir('d')
      await bench.file('d/old')
      await bench.fs.utimes(path, 1000, 1000)
      await change(bench)
      assert.ok((await bench.fs.stat(path)).mtimeMs > 1_000_000)
    })
  }
  add('a failed change leaves the mtime', ['times'], async (bench) => {
    const path = await bench.dir('d')
    await bench.dir('d/sub')
    await bench.fs.utimes(path, 1000, 1000)
    await fails(bench.fs.mkdir(bench.at('d/sub')), 'EEXIST')
    await fails(bench.fs.unlink(bench.at('d/none')), 'ENOENT')
    assert.equal((await bench.fs.stat(path)).mtimeMs, 1_000_000)
  })
  add('a subdirectory counts as a link of its parent', ['directoryLinks'], async (bench) => {
    const path = await bench.dir('d')
    const links = async (): Promise<number> => (await bench.fs.stat(path)).nlink
    assert.equal(await links(), 2)
    await bench.dir('d/one')
    await bench.dir('d/two')
    await bench.file('d/file')
    assert.equal(await links(), 4)
    await bench.fs.rmdir(bench.at('d/one'))
    assert.equal(await links(), 3)
    await bench.fs.rename(bench.at('d/two'), bench.at('two'))
    assert.equal(await links(), 2)
  })
})

export const directoryCases: readonly Case[] = [...listing, ...changing, ...attributes]
