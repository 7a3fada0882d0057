import assert from 'node:assert/strict'
import { type Case, fails, group } from './case.js'

const opening = group('open', (add) => {
  const onMissing: readonly [string, 'made' | 'ENOENT'][] = [
    ['r', 'ENOENT'],
    ['r+', 'ENOENT'],
    ['w', 'made'],
    ['w+', 'made'],
    ['wx', 'made'],
    ['a', 'made'],
    ['a+', 'made'],
    ['ax', 'made'],
  ]
  for (const [flags, outcome] of onMissing) {
    add(`a missing file with ${flags}: ${outcome}`, [], async (bench) => {
      const opened = bench.fs.open(bench.at('f'), flags)
      if (outcome === 'ENOENT') await fails(opened, 'ENOENT')
      else await (await opened).close()
      assert.equal(await bench.exists('f'), outcome === 'made')
    })
  }
  const onFile: readonly [string, string][] = [
    ['r', 'kept'],
    ['r+', 'kept'],
    ['w', ''],
    ['w+', ''],
    ['a', 'kept'],
    ['a+', 'kept'],
  ]
  for (const [flags, content] of onFile) {
    add(`a file with ${flags} then has ${JSON.stringify(content)}`, [], async (bench) => {
      await bench.file('f', 'kept')
      await (await bench.fs.open(bench.at('f'), flags)).close()
      assert.equal(await bench.text('f'), content)
      assert.equal((await bench.fs.stat(bench.at('f'))).size, content.length)
    })
  }
  for (const flags of ['wx', 'wx+', 'ax', 'ax+']) {
    add(`a file with ${flags}: EEXIST`, [], async (bench) => {
      await fails(bench.fs.open(await bench.file('f', 'kept'), flags), 'EEXIST')
      assert.equal(await bench.text('f'), 'kept')
    })
  }
  for (const flags of ['r+', 'w', 'a', 'w+']) {
    add(`a directory with ${flags}: EISDIR`, [], async (bench) => {
      await fails(bench.fs.open(await bench.dir('d'), flags), 'EISDIR')
    })
  }
  add('a directory can be opened to read, not read', [], async (bench) => {
    const file = await bench.fs.open(await bench.dir('d'), 'r')
    await fails(file.read(Buffer.alloc(10), 0, 10, 0), 'EISDIR')
    assert.ok((await file.stat()).isDirectory())
    await file.close()
  })
  add('a read from a file that is open to write only is EBADF', [], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w')
    await fails(file.read(Buffer.alloc(10), 0, 10, 0), 'EBADF')
    await file.close()
  })
  add('a write to a file that is open to read only is EBADF', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'kept'), 'r')
    await fails(file.write(Buffer.from('x'), 0, 1, 0), 'EBADF')
    await file.close()
    assert.equal(await bench.text('f'), 'kept')
  })
  add('a truncation of a file that is open to read only is EINVAL', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'kept'), 'r')
    await fails(file.truncate(0), 'EINVAL', 'EBADF')
    await file.close()
  })
  add('O_CREAT through a link makes its target', ['symlinks'], async (bench) => {
    await bench.fs.symlink('target', bench.at('link'))
    await bench.file('link', 'through')
    assert.equal(await bench.text('target'), 'through')
    assert.ok((await bench.fs.lstat(bench.at('link'))).isSymbolicLink())
  })
  add('O_EXCL does not go through a link', ['symlinks'], async (bench) => {
    await bench.fs.symlink('target', bench.at('link'))
    await fails(bench.fs.open(bench.at('link'), 'wx'), 'EEXIST')
    assert.equal(await bench.exists('target'), false)
  })
  add('O_NOFOLLOW on a link is ELOOP', ['symlinks', 'posix'], async (bench) => {
    await bench.fs.symlink(await bench.file('f'), bench.at('link'))
    await fails(bench.posix.open(bench.at('link'), 0o400000), 'ELOOP')
  })
  add('O_DIRECTORY on a file is ENOTDIR', ['posix'], async (bench) => {
    await fails(bench.posix.open(await bench.file('f'), 0o200000), 'ENOTDIR')
  })
  add('two handles have two positions', [], async (bench) => {
    const path = await bench.file('f', 'abcdef')
    const one = await bench.fs.open(path, 'r')
    const other = await bench.fs.open(path, 'r')
    const buffer = Buffer.alloc(3)
    await one.read(buffer, 0, 3, null)
    await other.read(buffer, 0, 3, null)
    assert.equal(buffer.toString(), 'abc')
    await one.read(buffer, 0, 3, null)
    assert.equal(buffer.toString(), 'def')
    await Promise.all([one.close(), other.close()])
  })
  add('what one handle writes the other reads', [], async (bench) => {
    const path = await bench.file('f', 'old')
    const reader = await bench.fs.open(path, 'r')
    const buffer = Buffer.alloc(10)
    assert.equal((await reader.read(buffer, 0, 10, 0)).bytesRead, 3)
    const writer = await bench.fs.open(path, 'r+')
    await writer.write(Buffer.from('newer'), 0, 5, 0)
    const { bytesRead } = await reader.read(buffer, 0, 10, 0)
    assert.equal(buffer.toString('utf8', 0, bytesRead), 'newer')
    await Promise.all([reader.close(), writer.close()])
  })
  add('O_TRUNC through one handle is seen by the other', [], async (bench) => {
    const path = await bench.file('f', 'content')
    const reader = await bench.fs.open(path, 'r')
    await (await bench.fs.open(path, 'w')).close()
    assert.equal((await reader.read(Buffer.alloc(10), 0, 10, 0)).bytesRead, 0)
    assert.equal((await reader.stat()).size, 0)
    await reader.close()
  })
  add('a file that is made with mode 0 can be written through its handle', ['modes'], async (bench) => {
    const file = await bench.fs.open(bench.at('f'), 'w+', 0)
    await file.writeFile('through')
    await file.close()
    assert.equal((await bench.fs.stat(bench.at('f'))).mode & 0o777, 0)
  })
  add('a hundred handles of one file', [], async (bench) => {
    const path = await bench.file('f', 'many')
    const handles = await Promise.all(Array.from({ length: 100 }, () => bench.fs.open(path, 'r')))
    const all = await Promise.all(handles.map((handle) => handle.readFile()))
    assert.ok(all.every((data) => data.toString() === 'many'))
    await Promise.all(handles.map((handle) => handle.close()))
  })
})

const unlinked = group('unlinked open files', (add) => {
  add('are read and written', ['unlinkedOpen'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'before'), 'r+')
    await bench.fs.unlink(bench.at('f'))
    await file.write(Buffer.from('after'), 0, 5, 6)
    const buffer = Buffer.alloc(20)
    const { bytesRead } = await file.read(buffer, 0, 20, 0)
    assert.equal(buffer.toString('utf8', 0, bytesRead), 'beforeafter')
    await file.close()
    assert.deepEqual(await bench.names(), [])
  })
  add('have no name left: nlink 0', ['unlinkedOpen', 'hardLinks'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f'), 'r')
    await bench.fs.unlink(bench.at('f'))
    assert.equal((await file.stat()).nlink, 0)
    await file.close()
  })
  add('are another file than a new one of the same name', ['unlinkedOpen'], async (bench) => {
    const old = await bench.fs.open(await bench.file('f', 'old'), 'r')
    await bench.fs.unlink(bench.at('f'))
    await bench.file('f', 'new')
    assert.equal((await old.readFile()).toString(), 'old')
    assert.equal(await bench.text('f'), 'new')
    await old.close()
  })
  add('are truncated, and their mode and times change', ['unlinkedOpen', 'modes', 'times'], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'content'), 'r+')
    await bench.fs.unlink(bench.at('f'))
    await file.truncate(3)
    await file.chmod(0o600)
    await file.utimes(100, 200)
    const stats = await file.stat()
    assert.deepEqual([stats.size, stats.mode & 0o777, stats.mtimeMs], [3, 0o600, 200_000])
    await file.close()
  })
  add('live on when another file is renamed over them', ['unlinkedOpen'], async (bench) => {
    const old = await bench.fs.open(await bench.file('f', 'old'), 'r')
    await bench.fs.rename(await bench.file('g', 'new'), bench.at('f'))
    assert.equal((await old.readFile()).toString(), 'old')
    assert.equal(await bench.text('f'), 'new')
    await old.close()
  })
  add('an open file keeps its content through a rename', [], async (bench) => {
    const file = await bench.fs.open(await bench.file('f', 'moved'), 'r+')
    await bench.fs.rename(bench.at('f'), bench.at('g'))
    await file.write(Buffer.from('M'), 0, 1, 0)
    await file.close()
    assert.equal(await bench.text('g'), 'Moved')
  })
})

export const openCases: readonly Case[] = [...opening, ...unlinked]
