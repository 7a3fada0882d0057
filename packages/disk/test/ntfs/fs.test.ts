import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, test } from 'node:test'
import { check } from '../../src/ntfs/check/check.js'
import { FileAttribute } from '../../src/ntfs/layout/standard-information.js'
import { Volume } from '../../src/ntfs/volume.js'
import { MemorySource } from '../../src/source/memory.js'

/** The methods that both have; their results are compared. */
type Fs = Pick<
  typeof nodeFs,
  | 'access'
  | 'appendFile'
  | 'copyFile'
  | 'link'
  | 'mkdir'
  | 'readFile'
  | 'readlink'
  | 'rename'
  | 'rm'
  | 'rmdir'
  | 'symlink'
  | 'truncate'
  | 'unlink'
  | 'utimes'
  | 'writeFile'
> & {
  open(path: string, flags?: string): Promise<nodeFs.FileHandle>
  readdir(path: string, options?: { recursive: boolean }): Promise<string[]>
  stat(path: string): Promise<{ size: number; nlink: number; isDirectory(): boolean; mtimeMs: number }>
  lstat(path: string): Promise<{ size: number; isSymbolicLink(): boolean; isDirectory(): boolean }>
}

type Scenario = (fs: Fs, at: (path: string) => string) => Promise<unknown>

/** The outcome of a step: its value, or the code of its error. */
async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    const value = await run()
    return Buffer.isBuffer(value) ? value.toString('hex') : value
  } catch (error) {
    return `error ${(error as NodeJS.ErrnoException).code}`
  }
}

async function all(...steps: (() => Promise<unknown>)[]): Promise<unknown[]> {
  const results: unknown[] = []
  for (const step of steps) results.push(await outcome(step))
  return results
}

const SCENARIOS: Record<string, Scenario> = {
  'write, read, append, copy': (fs, at) =>
    all(
      () => fs.writeFile(at('a'), 'hello'),
      () => fs.readFile(at('a'), 'utf8'),
      () => fs.appendFile(at('a'), ' world'),
      () => fs.readFile(at('a')),
      () => fs.copyFile(at('a'), at('b')),
      () => fs.copyFile(at('a'), at('b'), nodeFs.constants.COPYFILE_EXCL),
      () => fs.readFile(at('b'), { encoding: 'latin1' }),
      () => fs.writeFile(at('a'), 'x', { flag: 'wx' }),
      () => fs.readFile(at('missing')),
      () => fs.readFile(at('a/below')),
      () => fs.writeFile(at('no/such/dir'), 'x'),
      () => fs.appendFile(at('new'), 'n'),
      () => fs.readdir(at('.')).then((names) => names.sort()),
    ),
  directories: (fs, at) =>
    all(
      () => fs.mkdir(at('d')),
      () => fs.mkdir(at('d')),
      () => fs.mkdir(at('x/y/z')),
      () => fs.mkdir(at('x/y/z'), { recursive: true }).then((made) => made?.endsWith('/x')),
      () => fs.mkdir(at('x/y/z'), { recursive: true }),
      () => fs.writeFile(at('x/y/f'), ''),
      () => fs.mkdir(at('x/y/f/g'), { recursive: true }),
      () => fs.readdir(at('x'), { recursive: true }).then((names) => names.sort()),
      () => fs.readdir(at('x/y/f')),
      () => fs.rmdir(at('x')),
      () => fs.rmdir(at('d')),
      () => fs.rmdir(at('x/y/f')),
      () => fs.unlink(at('x')).then(null, (error) => ['EISDIR', 'EPERM'].includes(error.code)),
      () => fs.rm(at('x/y/nothing')),
      () => fs.rm(at('x/y/nothing'), { force: true }),
      () => fs.rm(at('x'), { recursive: true }),
      () => fs.access(at('x')),
    ),
  rename: (fs, at) =>
    all(
      () => fs.writeFile(at('a'), '1'),
      () => fs.writeFile(at('b'), '2'),
      () => fs.rename(at('a'), at('b')),
      () => fs.readFile(at('b'), 'utf8'),
      () => fs.access(at('a')),
      () => fs.rename(at('b'), at('B')),
      () => fs.readdir(at('.')).then((names) => names.sort()),
      () => fs.mkdir(at('d')),
      () => fs.mkdir(at('e')),
      () => fs.writeFile(at('e/f'), ''),
      () => fs.rename(at('d'), at('e')),
      () => fs.rename(at('e'), at('d')),
      () => fs.rename(at('d'), at('d/inside')),
      () => fs.rename(at('B'), at('d')),
      () => fs.rename(at('d'), at('B')),
      () => fs.rename(at('nothing'), at('x')),
      () => fs.rename(at('B'), at('B')),
      () => fs.readdir(at('.'), { recursive: true }).then((names) => names.sort()),
    ),
  links: (fs, at) =>
    all(
      () => fs.writeFile(at('f'), 'content'),
      () => fs.link(at('f'), at('g')),
      () => fs.stat(at('g')).then((stat) => stat.nlink),
      () => fs.link(at('f'), at('g')),
      () => fs.unlink(at('f')),
      () => fs.readFile(at('g'), 'utf8'),
      () => fs.mkdir(at('d')),
      () => fs.symlink('../g', at('d/s')),
      () => fs.readlink(at('d/s')),
      () => fs.readFile(at('d/s'), 'utf8'),
      () => fs.lstat(at('d/s')).then((stat) => [stat.isSymbolicLink(), stat.size]),
      () => fs.symlink('d', at('e')),
      () => fs.readdir(at('e')),
      () => fs.readFile(at('e/s'), 'utf8'),
      () => fs.lstat(at('e')).then((stat) => [stat.isSymbolicLink(), stat.isDirectory()]),
      () => fs.symlink('loop2', at('loop1')),
      () => fs.symlink('loop1', at('loop2')),
      () => fs.readFile(at('loop1')),
      () => fs.symlink('nowhere/at:all', at('dangling')),
      () => fs.readlink(at('dangling')),
      () => fs.stat(at('dangling')),
      () => fs.writeFile(at('dangling'), ''),
      () => fs.readlink(at('g')),
      () => fs.rmdir(at('e')),
      () => fs.unlink(at('e')),
      () => fs.readdir(at('.')).then((names) => names.sort()),
    ),
  handles: async (fs, at) => {
    const results: unknown[] = []
    const handle = await fs.open(at('h'), 'w+')
    const step = async (run: () => Promise<unknown>) => results.push(await outcome(run))
    await step(() => handle.write('hello').then((done) => done.bytesWritten))
    await step(() => handle.write(Buffer.from('abcdef'), 1, 3, 10).then((done) => done.bytesWritten))
    await step(() => handle.stat().then((stat) => stat.size))
    await step(() => handle.read(Buffer.alloc(20), 0, 20, 0).then((done) => done.buffer))
    await step(() => handle.readv([Buffer.alloc(3), Buffer.alloc(30)], 2).then((done) => done.bytesRead))
    await step(() =>
      handle.writev([Buffer.from('x'), Buffer.from('yz')], 0).then((done) => done.bytesWritten),
    )
    await step(() => handle.truncate(4))
    await step(() => fs.unlink(at('h')))
    await step(() => handle.read({ buffer: Buffer.alloc(8), position: 0 }).then((done) => done.buffer))
    await step(() => fs.access(at('h')))
    await handle.close()
    const append = await fs.open(at('app'), 'a+')
    await step(() => append.write('one').then((done) => done.bytesWritten))
    await step(() => append.write('two', 0).then((done) => done.bytesWritten))
    await append.close()
    await step(() => fs.readFile(at('app'), 'utf8'))
    const reader = await fs.open(at('app'), 'r')
    await step(() => reader.write('x'))
    await step(() => reader.readFile({ encoding: 'utf8' }))
    await step(() => reader.readFile({ encoding: 'utf8' }))
    await reader.close()
    await step(() => fs.open(at('app'), 'wx'))
    await step(() => fs.open(at('.'), 'w'))
    await step(() => fs.open(at('none'), 'r+'))
    return results
  },
  'sizes and times': (fs, at) =>
    all(
      () => fs.writeFile(at('t'), 'x'.repeat(100_000)),
      () => fs.truncate(at('t'), 10),
      () => fs.truncate(at('t'), 200_000),
      () => fs.readFile(at('t')),
      () => fs.utimes(at('t'), 1_000_000_000, 1_234_567_890.5),
      () => fs.stat(at('t')).then((stat) => [stat.mtimeMs, stat.size, stat.isDirectory()]),
      () => fs.truncate(at('.'), 1),
      () => fs.truncate(at('none'), 1),
    ),
  names: (fs, at) =>
    all(
      () => fs.writeFile(at('n'.repeat(255)), ''),
      () => fs.writeFile(at('n'.repeat(256)), ''),
      () => fs.writeFile(at('trailing/'), ''),
      () => fs.writeFile(at('\u00fc \u4e2d \ud83d\ude00'), 'u'),
      () => fs.mkdir(at('sub')),
      () => fs.readFile(at('sub/../\u00fc \u4e2d \ud83d\ude00'), 'utf8'),
      () => fs.writeFile(at('sub/./a'), 'a'),
      () => fs.readdir(at('sub/')),
      () => fs.readdir(at('.')).then((names) => names.sort()),
    ),
}

describe('volume.fs acts as node:fs/promises does', () => {
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    test(name, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'fusewire-ntfs-fs-'))
      const source = new MemorySource(32 << 20)
      Volume.format(source)
      const volume = Volume.open(source)
      try {
        const expected = await scenario(nodeFs as unknown as Fs, (path) => `${directory}/${path}`)
        const actual = await scenario(volume.fs as unknown as Fs, (path) => `/${path}`)
        assert.deepEqual(actual, expected)
        volume.close()
        assert.deepEqual(check(source).findings, [])
      } finally {
        rmSync(directory, { recursive: true })
      }
    })
  }
})

describe('volume.fs beyond that', () => {
  let volume: Volume

  before(() => {
    const source = new MemorySource(32 << 20)
    Volume.format(source)
    volume = Volume.open(source)
  })

  after(() => volume.close())

  test('streams carry bytes both ways', async () => {
    await pipeline(['one ', 'two ', 'three'], volume.fs.createWriteStream('/stream'))
    assert.equal(await text(volume.fs.createReadStream('/stream')), 'one two three')
    assert.equal(await text(volume.fs.createReadStream('/stream', { start: 4, end: 6 })), 'two')
    await pipeline(['!'], volume.fs.createWriteStream('/stream', { flags: 'a' }))
    assert.equal(await volume.fs.readFile('/stream', 'utf8'), 'one two three!')
    await assert.rejects(text(volume.fs.createReadStream('/none')), { code: 'ENOENT' })
  })

  test('directories are iterated with types', async () => {
    await volume.fs.mkdir('/types/sub', { recursive: true })
    await volume.fs.writeFile('/types/file', '')
    await volume.fs.symlink('file', '/types/link')
    const found: [string, boolean, boolean, boolean][] = []
    for await (const entry of await volume.fs.opendir('/types')) {
      found.push([entry.name, entry.isFile(), entry.isDirectory(), entry.isSymbolicLink()])
    }
    assert.deepEqual(found, [
      ['file', true, false, false],
      ['link', false, false, true],
      ['sub', false, true, false],
    ])
  })

  test('chmod is READONLY, and bigint times are exact', async () => {
    await volume.fs.writeFile('/mode', '')
    await volume.fs.chmod('/mode', 0o444)
    const number = await volume.fs.number('/mode')
    assert.ok((volume.status(number).attributes & FileAttribute.READONLY) !== 0)
    assert.equal((await volume.fs.stat('/mode')).mode & 0o777, 0o444)
    const time = 133_000_000_012_345_678n
    volume.setTimes(number, { modified: time })
    const { mtimeNs } = await volume.fs.stat('/mode', { bigint: true })
    assert.equal(mtimeNs, (time - 116_444_736_000_000_000n) * 100n)
  })

  test('errors carry code, system call and path', async () => {
    await assert.rejects(volume.fs.readFile('/no/where'), {
      code: 'ENOENT',
      syscall: 'open',
      path: '/no/where',
      errno: -2,
    })
  })

  test('statfs counts clusters', async () => {
    const { bsize, blocks, bfree } = await volume.fs.statfs('/')
    assert.equal(bsize, 4096)
    assert.ok(bfree > 0 && bfree < blocks && blocks * bsize <= 32 << 20)
  })
})
