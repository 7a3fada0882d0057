import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { DiskError, FileSource, MemorySource } from '../../src/index.js'
import { without } from '../support/tools.js'

let dir = ''
before(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'fusewire-source-'))
})
after(() => fs.rmSync(dir, { recursive: true, force: true }))

const code = (expected: string) => (error: unknown) => error instanceof DiskError && error.code === expected

function pattern(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 255)
}

describe('a source of fixed size', () => {
  const make: Record<string, (size: number) => MemorySource | FileSource> = {
    memory: (size) => new MemorySource(size),
    file: (size) => FileSource.createSync(join(dir, `f${Math.random()}`), size),
  }
  for (const [name, create] of Object.entries(make)) {
    it(`${name}: reads back what was written across pieces, sync and async`, async () => {
      const source = create(1 << 20)
      const bytes = pattern(200_000, 1)
      source.writeSync(65_000, bytes)
      const back = new Uint8Array(200_010)
      await source.read(64_995, back)
      assert.deepEqual(back.subarray(5, 200_005), bytes)
      assert.deepEqual(back.subarray(0, 5), new Uint8Array(5))
      await source.write((1 << 20) - 3, bytes, 7, 3)
      const tail = new Uint8Array(3)
      source.readSync((1 << 20) - 3, tail)
      assert.deepEqual(tail, bytes.slice(7, 10))
      await source.flush()
      source.discardSync(1 << 19, 1 << 19)
      source.readSync((1 << 20) - 3, tail)
      assert.deepEqual(tail, new Uint8Array(3))
      source.closeSync()
      source.closeSync()
      assert.throws(() => source.readSync(0, tail), code('EBADF'))
      await assert.rejects(source.write(0, tail), code('EBADF'))
    })

    it(`${name}: refuses ranges outside of itself and of the buffer`, async () => {
      const source = create(4096)
      const ten = new Uint8Array(10)
      for (const at of [-1, 4090, 4097, 2 ** 53, Number.NaN, 1.5]) {
        assert.throws(() => source.readSync(at, ten), code('EINVAL'))
        await assert.rejects(source.write(at, ten), code('EINVAL'))
      }
      assert.throws(() => source.readSync(0, ten, 5, 6), code('EINVAL'))
      assert.throws(() => source.discardSync(4096, 1), code('EINVAL'))
      source.readSync(4096, ten, 10, 0)
      source.closeSync()
    })
  }

  it('memory: terabytes cost what was written', () => {
    const source = new MemorySource(2 ** 42)
    source.writeSync(2 ** 41 - 1, pattern(2, 1))
    source.writeSync(2 ** 40, new Uint8Array(4096))
    assert.equal(source.allocated, 2 * 65536)
    source.discardSync(0, 2 ** 41)
    assert.equal(source.allocated, 65536)
  })

  it('an error tells position, expected, actual and cure', () => {
    const source = new MemorySource(4096, { readOnly: true })
    assert.throws(
      () => source.writeSync(512, new Uint8Array(1)),
      (error) =>
        error instanceof DiskError &&
        error.code === 'EROFS' &&
        error.position === 512 &&
        error.errno === -30 &&
        /OverlaySource/.test(error.message),
    )
  })
})

describe('FileSource', () => {
  it('is sparse', () => {
    const path = join(dir, 'sparse')
    const source = FileSource.createSync(path, 1 << 30)
    source.writeSync(1 << 29, pattern(4096, 0))
    source.flushSync()
    assert.ok(source.allocated <= 1 << 20, `${source.allocated} bytes taken`)
    source.closeSync()
    assert.equal(fs.statSync(path).size, 1 << 30)
  })

  it('frees a discarded range in the middle where the program brings the system call', {
    skip: without('fallocate'),
  }, () => {
    const path = join(dir, 'holes')
    const punchHole = (fd: number, position: number, length: number) => {
      const args = ['-p', '-o', `${position}`, '-l', `${length}`, '/dev/fd/3']
      const ran = spawnSync('fallocate', args, { stdio: ['ignore', 'pipe', 'pipe', fd] })
      if (ran.status !== 0) throw new Error(`${ran.stderr}`)
    }
    const source = FileSource.createSync(path, 4 << 20, { punchHole })
    source.writeSync(0, pattern(4 << 20, 3))
    source.flushSync()
    const before = source.allocated
    source.discardSync(1 << 20, 1 << 20)
    assert.ok(source.allocated <= before - (1 << 20), `${source.allocated} of ${before} bytes taken`)
    const back = new Uint8Array(4)
    source.readSync((1 << 20) - 2, back)
    assert.deepEqual([back[2], back[3]], [0, 0])
    assert.deepEqual(back.subarray(0, 2), pattern(4 << 20, 3).subarray((1 << 20) - 2, 1 << 20))
    source.closeSync()
    assert.equal(fs.statSync(path).size, 4 << 20)
  })

  it('refuses a second writer in this process, lets readers in, and frees the lock on close', () => {
    const path = join(dir, 'locked')
    const first = FileSource.createSync(path, 4096)
    assert.throws(() => FileSource.openSync(path, { mode: 'r+' }), code('EBUSY'))
    fs.symlinkSync(path, `${path}.link`)
    assert.throws(() => FileSource.openSync(`${path}.link`, { mode: 'r+' }), code('EBUSY'))
    FileSource.openSync(path).closeSync()
    first.closeSync()
    FileSource.openSync(path, { mode: 'r+' }).closeSync()
    assert.deepEqual(
      fs.readdirSync(dir).filter((name) => name.startsWith('locked.') && name !== 'locked.link'),
      [],
    )
  })

  it('refuses a writer in another process while it lives, and takes over the lock of a dead one', () => {
    const path = join(dir, 'two')
    FileSource.createSync(path, 4096).closeSync()
    const module = new URL('../../src/index.js', import.meta.url).href
    const script = (end: string) =>
      `import { FileSource } from ${JSON.stringify(module)}; FileSource.openSync(process.argv[1], { mode: 'r+' }); ${end}`
    const run = (end: string) =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script(end), path], { timeout: 60_000 })
    const mine = FileSource.openSync(path, { mode: 'r+' })
    const refused = run('')
    assert.equal(refused.status, 1)
    assert.match(refused.stderr.toString(), new RegExp(`EBUSY.*process ${process.pid}`))
    mine.closeSync()
    // SIGKILL leaves the lock file behind; a normal exit does not.
    run("process.kill(process.pid, 'SIGKILL')")
    assert.ok(fs.existsSync(`${path}.lock`))
    FileSource.openSync(path, { mode: 'r+' }).closeSync()
    assert.equal(run('').status, 0)
    assert.ok(!fs.existsSync(`${path}.lock`))
  })

  it('never breaks the lock of another host or one it cannot read', () => {
    const path = join(dir, 'foreign')
    FileSource.createSync(path, 4096).closeSync()
    const holder = { pid: 1, started: null, host: 'elsewhere.invalid', token: '0'.repeat(32) }
    for (const content of [JSON.stringify(holder), 'garbage', '']) {
      fs.writeFileSync(`${path}.lock`, content)
      assert.throws(() => FileSource.openSync(path, { mode: 'r+' }), code('EBUSY'))
      assert.equal(fs.readFileSync(`${path}.lock`, 'utf8'), content)
    }
  })

  it('reports what cannot be opened', () => {
    assert.throws(() => FileSource.openSync(join(dir, 'none')), code('ENOENT'))
    assert.throws(() => FileSource.openSync(dir), code('EISDIR'))
    FileSource.createSync(join(dir, 'twice'), 512).closeSync()
    assert.throws(() => FileSource.createSync(join(dir, 'twice'), 512), code('EEXIST'))
  })

  it('reports a file that shrank', async () => {
    const path = join(dir, 'shrunk')
    FileSource.createSync(path, 8192).closeSync()
    const source = FileSource.openSync(path)
    fs.truncateSync(path, 5000)
    assert.throws(() => source.readSync(4096, new Uint8Array(4096)), code('EIO'))
    await assert.rejects(source.read(4096, new Uint8Array(4096)), code('EIO'))
    source.closeSync()
  })
})
