import assert from 'node:assert/strict'
import { type Bench, type Capability, type Case, fails, group } from './case.js'

interface Kind {
  readonly name: string
  readonly needs: readonly Capability[]
  readonly directory: boolean
  make(bench: Bench, name: string): Promise<unknown>
}

const KINDS: readonly Kind[] = [
  { name: 'a file', needs: [], directory: false, make: (bench, name) => bench.file(name, name) },
  { name: 'an empty directory', needs: [], directory: true, make: (bench, name) => bench.dir(name) },
  {
    name: 'a full directory',
    needs: [],
    directory: true,
    make: async (bench, name) => {
      await bench.dir(name)
      await bench.file(`${name}/inside`, name)
    },
  },
  {
    name: 'a link',
    needs: ['symlinks'],
    directory: false,
    make: (bench, name) => bench.fs.symlink(`to-${name}`, bench.at(name)),
  },
  {
    name: 'a fifo',
    needs: ['posix', 'special'],
    directory: false,
    make: (bench, name) => bench.posix.mknod(bench.at(name), 0o010644),
  },
]

/** What rename(2) answers for a kind over another. */
function expected(from: Kind, to: Kind): string[] {
  if (from.directory && !to.directory) return ['ENOTDIR']
  if (!from.directory && to.directory) return ['EISDIR']
  return to.name === 'a full directory' ? ['ENOTEMPTY', 'EEXIST'] : []
}

const ino = async (bench: Bench, name: string): Promise<bigint> =>
  (await bench.fs.lstat(bench.at(name), { bigint: true })).ino

const matrix = group('rename: every kind over every kind', (add) => {
  for (const from of KINDS) {
    add(`${from.name} to a new name`, from.needs, async (bench) => {
      await from.make(bench, 'a')
      const before = await bench.fs.lstat(bench.at('a'))
      await bench.fs.rename(bench.at('a'), bench.at('b'))
      assert.deepEqual(await bench.names(), ['b'])
      assert.equal((await bench.fs.lstat(bench.at('b'))).mode, before.mode)
    })
    for (const to of KINDS) {
      const errors = expected(from, to)
      add(
        `${from.name} over ${to.name}${errors.length > 0 ? `: ${errors[0]}` : ''}`,
        [...from.needs, ...to.needs],
        async (bench) => {
          await from.make(bench, 'a')
          await to.make(bench, 'b')
          const before = await bench.fs.lstat(bench.at('a'))
          const renamed = bench.fs.rename(bench.at('a'), bench.at('b'))
          if (errors.length > 0) {
            await fails(renamed, ...errors)
            assert.deepEqual(await bench.names(), ['a', 'b'])
            return
          }
          await renamed
          assert.deepEqual(await bench.names(), ['b'])
          assert.equal((await bench.fs.lstat(bench.at('b'))).mode, before.mode)
        },
      )
    }
  }
})

const special = group('rename: special places', (add) => {
  add('onto itself changes nothing', [], async (bench) => {
    await bench.file('a', 'same')
    await bench.fs.rename(bench.at('a'), bench.at('a'))
    assert.equal(await bench.text('a'), 'same')
  })
  add('onto another name of the same file changes nothing', ['hardLinks'], async (bench) => {
    await bench.fs.link(await bench.file('a', 'same'), bench.at('b'))
    await bench.fs.rename(bench.at('a'), bench.at('b'))
    assert.deepEqual(await bench.names(), ['a', 'b'])
    assert.equal((await bench.fs.stat(bench.at('a'))).nlink, 2)
  })
  add('into its own subdirectory is EINVAL', [], async (bench) => {
    await bench.dir('d')
    await bench.dir('d/sub')
    await fails(bench.fs.rename(bench.at('d'), bench.at('d/sub/d')), 'EINVAL')
    await fails(bench.fs.rename(bench.at('d'), bench.at('d/d')), 'EINVAL')
  })
  add('over its own parent is ENOTEMPTY', [], async (bench) => {
    await bench.dir('d')
    await fails(bench.fs.rename(await bench.dir('d/sub'), bench.at('d')), 'ENOTEMPTY', 'EEXIST')
  })
  add('a directory moves with all that is in it', [], async (bench) => {
    for (const name of ['from', 'to', 'from/d', 'from/d/e']) await bench.dir(name)
    await bench.file('from/d/e/f', 'deep')
    await bench.fs.rename(bench.at('from/d'), bench.at('to/new'))
    assert.equal(await bench.text('to/new/e/f'), 'deep')
    assert.deepEqual(await bench.names('from'), [])
    await fails(bench.fs.stat(bench.at('from/d/e/f')), 'ENOENT')
    await bench.fs.rename(bench.at('to/new/e/f'), bench.at('f'))
    assert.equal(await bench.text('f'), 'deep')
  })
  add('".." of a moved directory is its new parent', [], async (bench) => {
    for (const name of ['one', 'two', 'one/d']) await bench.dir(name)
    await bench.fs.rename(bench.at('one/d'), bench.at('two/d'))
    assert.equal((await bench.fs.stat(bench.at('two/d/..'))).ino, (await bench.fs.stat(bench.at('two'))).ino)
  })
  add('the file stays the same file', ['inodes'], async (bench) => {
    await bench.file('a')
    await bench.dir('d')
    const before = await ino(bench, 'a')
    await bench.fs.rename(bench.at('a'), bench.at('d/b'))
    assert.equal(await ino(bench, 'd/b'), before)
  })
  add('over a file with other names takes one of its links', ['hardLinks'], async (bench) => {
    await bench.fs.link(await bench.file('b', 'old'), bench.at('c'))
    await bench.fs.rename(await bench.file('a', 'new'), bench.at('b'))
    assert.equal(await bench.text('b'), 'new')
    assert.equal(await bench.text('c'), 'old')
    assert.equal((await bench.fs.stat(bench.at('c'))).nlink, 1)
  })
  add('changes the ctime and not the mtime', ['times'], async (bench) => {
    const path = await bench.file('a')
    await bench.fs.utimes(path, 1000, 1000)
    await bench.fs.rename(path, bench.at('b'))
    const stats = await bench.fs.stat(bench.at('b'))
    assert.equal(stats.mtimeMs, 1_000_000)
    assert.ok(stats.ctimeMs > 1_000_000)
  })
  add('back and forth a hundred times', [], async (bench) => {
    await bench.file('a', 'ball')
    for (let i = 0; i < 50; i++) {
      await bench.fs.rename(bench.at('a'), bench.at('b'))
      await bench.fs.rename(bench.at('b'), bench.at('a'))
    }
    assert.equal(await bench.text('a'), 'ball')
  })
  add('two directories that swap files at the same time', [], async (bench) => {
    await Promise.all([bench.dir('x'), bench.dir('y')])
    await Promise.all(
      Array.from({ length: 30 }, (_, i) => bench.file(`${i % 2 === 0 ? 'x' : 'y'}/${i}`, `${i}`)),
    )
    const moves = Array.from({ length: 30 }, (_, i) =>
      i % 2 === 0
        ? bench.fs.rename(bench.at(`x/${i}`), bench.at(`y/${i}`))
        : bench.fs.rename(bench.at(`y/${i}`), bench.at(`x/${i}`)),
    )
    await Promise.all(moves)
    assert.deepEqual([(await bench.names('x')).length, (await bench.names('y')).length], [15, 15])
  })
})

const NOREPLACE = 1
const EXCHANGE = 2
const WHITEOUT = 4

const flags = group('renameat2', (add) => {
  for (const kind of KINDS) {
    add(`NOREPLACE over ${kind.name} is EEXIST`, ['posix', 'renameFlags', ...kind.needs], async (bench) => {
      await bench.file('a', 'stays')
      await kind.make(bench, 'b')
      await fails(bench.posix.renameat2(bench.at('a'), bench.at('b'), NOREPLACE), 'EEXIST')
      assert.equal(await bench.text('a'), 'stays')
    })
    add(
      `EXCHANGE of a file and ${kind.name}`,
      ['posix', 'renameFlags', 'inodes', ...kind.needs],
      async (bench) => {
        await bench.file('a', 'content')
        await kind.make(bench, 'b')
        const before = [await ino(bench, 'a'), await ino(bench, 'b')]
        await bench.posix.renameat2(bench.at('a'), bench.at('b'), EXCHANGE)
        assert.deepEqual([await ino(bench, 'b'), await ino(bench, 'a')], before)
        assert.equal(await bench.text('b'), 'content')
      },
    )
  }
  add('NOREPLACE to a new name', ['posix', 'renameFlags'], async (bench) => {
    await bench.posix.renameat2(await bench.file('a', 'moved'), bench.at('b'), NOREPLACE)
    assert.equal(await bench.text('b'), 'moved')
  })
  add('EXCHANGE with a missing name is ENOENT', ['posix', 'renameFlags'], async (bench) => {
    await fails(bench.posix.renameat2(await bench.file('a'), bench.at('b'), EXCHANGE), 'ENOENT')
  })
  add('EXCHANGE with what lies below is EINVAL', ['posix', 'renameFlags'], async (bench) => {
    await bench.dir('d')
    await bench.dir('d/sub')
    await fails(bench.posix.renameat2(bench.at('d'), bench.at('d/sub'), EXCHANGE), 'EINVAL')
  })
  add('WHITEOUT leaves a device 0:0', ['posix', 'whiteout'], async (bench) => {
    await bench.posix.renameat2(await bench.file('a', 'moved'), bench.at('b'), WHITEOUT)
    const left = await bench.fs.lstat(bench.at('a'))
    assert.deepEqual([left.isCharacterDevice(), left.rdev], [true, 0])
    assert.equal(await bench.text('b'), 'moved')
  })
  add('flags that exclude each other are EINVAL', ['posix', 'renameFlags'], async (bench) => {
    await bench.file('a')
    await bench.file('b')
    await fails(bench.posix.renameat2(bench.at('a'), bench.at('b'), NOREPLACE | EXCHANGE), 'EINVAL')
    await fails(bench.posix.renameat2(bench.at('a'), bench.at('b'), 0x80), 'EINVAL')
  })
})

export const renameCases: readonly Case[] = [...matrix, ...special, ...flags]
