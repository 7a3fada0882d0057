import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  FatVolume,
  FileSource,
  formatFat32Sync,
  Gpt,
  MemorySource,
  openPartition,
  SliceSource,
  seededRandom,
} from '../../src/index.js'
import { BytesSource, coded, must, random, run, scratch, without } from '../support/tools.js'

const dir = scratch('fat')
const MIB = 1 << 20
const SIZE = 40 * MIB
const NOW = Date.UTC(2024, 1, 29, 12, 34, 56)
let serial = 0

function newVolume(size = SIZE, label = 'TEST'): { path: string; source: FileSource; volume: FatVolume } {
  const path = join(dir, `${++serial}.img`)
  const source = FileSource.createSync(path, size)
  formatFat32Sync(source, { label, serial: 0x1234abcd, time: NOW })
  return { path, source, volume: FatVolume.openSync(source, { now: () => NOW }) }
}

/** fsck.vfat finds nothing to say but the counts. */
function sound(path: string): void {
  const checked = run('fsck.vfat', ['-n', path])
  assert.equal(checked.status, 0, checked.out)
  assert.match(checked.out, /^fsck\.fat .*\n.*: \d+ files, \d+\/\d+ clusters\n$/)
}

function noise(length: number, seed: number): Buffer {
  const next = random(seed)
  return Buffer.from(Uint8Array.from({ length }, () => next() * 256))
}

describe('a FAT32 volume made here', () => {
  it('holds what is written, through close and open', async () => {
    const source = new MemorySource(SIZE)
    formatFat32Sync(source, { label: 'my esp', serial: 7 })
    const first = FatVolume.openSync(source, { now: () => NOW })
    assert.equal(first.label, 'MY ESP')
    assert.deepEqual(await first.fs.readdir('/'), [])
    await first.fs.mkdir('/EFI/Boot', { recursive: true })
    const bytes = noise(200_001, 1)
    await first.fs.writeFile('/EFI/Boot/bootx64.efi', bytes)
    await first.fs.writeFile('/EFI/Boot/a rather long name with \u00e4\u00f6\u{1f600}.txt', 'hello\n')
    await first.fs.appendFile('/efi/BOOT/A RATHER long name with \u00c4\u00d6\u{1f600}.TXT', 'again\n')
    first.closeSync()
    const second = FatVolume.openSync(source)
    assert.deepEqual(await second.fs.readFile('/efi/boot/BOOTX64.EFI'), bytes)
    assert.equal(
      await second.fs.readFile('/EFI/Boot/a rather long name with \u00e4\u00f6\u{1f600}.txt', 'utf8'),
      'hello\nagain\n',
    )
    assert.deepEqual(await second.fs.readdir('/', { recursive: true }), [
      'EFI',
      'EFI/Boot',
      'EFI/Boot/bootx64.efi',
      'EFI/Boot/a rather long name with \u00e4\u00f6\u{1f600}.txt',
    ])
    const stat = await second.fs.stat('/EFI/Boot/bootx64.efi')
    assert.equal(stat.size, 200_001)
    assert.equal(stat.mtimeMs, NOW)
    assert.ok(stat.isFile() && !stat.isDirectory())
    assert.equal((await second.fs.stat('/EFI', { bigint: true })).mtimeNs, BigInt(NOW) * 1_000_000n)
  })

  it('is the same byte for byte with the same options and clock', async () => {
    const make = async () => {
      const source = new MemorySource(SIZE)
      formatFat32Sync(source, { label: 'X', random: seededRandom('fat'), time: NOW })
      const volume = FatVolume.openSync(source, { now: () => NOW })
      await volume.fs.mkdir('/d')
      for (let i = 0; i < 50; i++) await volume.fs.writeFile(`/d/file number ${i}`, noise(i * 97, i))
      await volume.fs.rm('/d/file number 7')
      volume.closeSync()
      const bytes = new Uint8Array(SIZE)
      source.readSync(0, bytes)
      return bytes
    }
    assert.equal(Buffer.compare(await make(), await make()), 0)
  })

  it('answers with POSIX errors', async () => {
    const { volume } = newVolume()
    const f = volume.fs
    await f.mkdir('/d')
    await f.mkdir('/e')
    await f.writeFile('/d/f', 'x')
    const failing: [string, () => Promise<unknown>][] = [
      ['ENOENT', () => f.stat('/none')],
      ['ENOENT', () => f.readFile('/d/none')],
      ['ENOTDIR', () => f.stat('/d/f/x')],
      ['ENOTDIR', () => f.readdir('/d/f')],
      ['EISDIR', () => f.readFile('/d')],
      ['EISDIR', () => f.unlink('/d')],
      ['ENOTDIR', () => f.rmdir('/d/f')],
      ['ENOTEMPTY', () => f.rmdir('/d')],
      ['EEXIST', () => f.mkdir('/D')],
      ['EEXIST', () => f.writeFile('/d/F', '', { flag: 'wx' })],
      ['EINVAL', () => f.writeFile('/what?', '')],
      ['EINVAL', () => f.writeFile('/dot.', '')],
      ['ENAMETOOLONG', () => f.writeFile(`/${'n'.repeat(256)}`, '')],
      ['EINVAL', () => f.rename('/d', '/d/inside')],
      ['ENOTDIR', () => f.rename('/e', '/d/f')],
      ['EISDIR', () => f.rename('/d/f', '/e')],
      ['ENOTEMPTY', () => f.rename('/e', '/d')],
      ['EBUSY', () => f.rmdir('/')],
      ['EFBIG', () => f.truncate('/d/f', 2 ** 32)],
      ['ENOSPC', () => f.truncate('/d/f', SIZE)],
    ]
    for (const [code, work] of failing) await assert.rejects(work, coded(code), `${work}`)
    await f.chmod('/d/f', 0o444)
    await assert.rejects(f.writeFile('/d/f', 'y'), coded('EACCES'))
    const error = await f.stat('/none').catch((caught: unknown) => caught as NodeJS.ErrnoException)
    assert.equal((error as NodeJS.ErrnoException).path, '/none')
    assert.equal((error as NodeJS.ErrnoException).syscall, 'stat')
    await f.rm('/none', { force: true })
    volume.closeSync()
  })

  it('an open file outlives its name', async () => {
    const { volume, path } = newVolume()
    const before = volume.space().bfree
    const handle = await volume.fs.open('/f', 'w+')
    await handle.write(Buffer.from('0123456789'))
    await volume.fs.rename('/f', '/renamed')
    await handle.write(Buffer.from('ab'), 0, 2, 4)
    assert.equal(await volume.fs.readFile('/renamed', 'utf8'), '0123ab6789')
    await volume.fs.unlink('/renamed')
    await volume.fs.writeFile('/renamed', 'another')
    await handle.write(Buffer.from('!'), 0, 1, 9)
    const back = Buffer.alloc(10)
    assert.equal((await handle.read(back, 0, 10, 0)).bytesRead, 10)
    assert.equal(back.toString(), '0123ab678!')
    await handle.close()
    assert.equal(await volume.fs.readFile('/renamed', 'utf8'), 'another')
    await volume.fs.unlink('/renamed')
    assert.equal(volume.space().bfree, before)
    volume.closeSync()
    if (!without('fsck.vfat')) sound(path)
  })

  it('a full volume says so and takes no harm', async () => {
    const { volume, path } = newVolume()
    const piece = noise(5 * MIB, 3)
    let made = 0
    await assert.rejects(async () => {
      for (; ; made++) await volume.fs.writeFile(`/f${made}`, piece)
    }, coded('ENOSPC'))
    assert.equal(made, 7)
    assert.deepEqual(await volume.fs.readFile('/f3'), piece)
    await volume.fs.unlink('/f3')
    await volume.fs.writeFile('/g', piece)
    volume.closeSync()
    if (!without('fsck.vfat')) sound(path)
  })

  it('refuses a volume that is too small, a bad label, a bad cluster size', () => {
    assert.throws(() => formatFat32Sync(new MemorySource(20 * MIB)), coded('ENOSPC'))
    assert.throws(() => formatFat32Sync(new MemorySource(SIZE), { label: 'a*b' }), coded('EINVAL'))
    assert.throws(() => formatFat32Sync(new MemorySource(SIZE), { clusterSize: 1000 }), coded('EINVAL'))
  })
})

describe('judged by fsck.vfat and mtools', {
  skip: without('fsck.vfat', 'mkfs.fat', 'mdir', 'mcopy', 'mmd', 'minfo'),
}, () => {
  it('empty volumes of many sizes, cluster sizes and sectors are sound', () => {
    const cases: [number, number, number | undefined][] = [
      [34 * MIB, 512, undefined],
      [100 * MIB, 512, undefined],
      [300 * MIB, 512, undefined],
      [300 * MIB, 4096, undefined],
      [9 * 1024 * MIB, 512, undefined],
      [600 * MIB, 512, 8192],
    ]
    for (const [size, blockSize, clusterSize] of cases) {
      const path = join(dir, `${++serial}.img`)
      const source = FileSource.createSync(path, size, { blockSize })
      formatFat32Sync(source, { label: 'A B', ...(clusterSize === undefined ? {} : { clusterSize }) })
      source.closeSync()
      sound(path)
      assert.match(must('minfo', ['-i', path, '::']), /disk type="FAT32 {3}"/)
    }
  })

  it('an EFI partition in a GPT is made in its slice, knows its place, and is read by mtools there', async () => {
    const path = join(dir, 'disk.img')
    const disk = FileSource.createSync(path, 64 * MIB)
    const gpt = Gpt.create(disk)
    gpt.add({ type: 'esp', size: 'rest' })
    gpt.writeSync(disk)
    const part = openPartition(disk, 1)
    formatFat32Sync(part, { label: 'ESP' })
    const volume = FatVolume.openSync(part)
    await volume.fs.mkdir('/EFI')
    await volume.fs.writeFile('/EFI/readme.txt', 'hello\n')
    volume.closeSync()
    disk.closeSync()
    assert.equal(must('mcopy', ['-i', `${path}@@1M`, '::/EFI/readme.txt', '-']), 'hello\n')
    assert.match(must('minfo', ['-i', `${path}@@1M`, '::']), /hidden sectors: 2048/)
  })

  it('names of every kind are the same there', async () => {
    const { path, volume } = newVolume()
    const names = [
      'PLAIN.TXT',
      'lower.txt',
      'Mixed Case.Html',
      'a.b.c.d',
      '.hidden',
      'no extension at all',
      'x'.repeat(255),
    ]
    names.push(
      'exactly13char',
      '\u00fcml\u00e4ut.txt',
      '\u65e5\u672c\u8a9e.txt',
      'plus+comma,.[x]',
      'PROGRA~1',
      'Program Files',
      '~',
    )
    for (let i = 0; i < 40; i++) names.push(`same beginning ${i}.text`)
    for (const name of names) await volume.fs.writeFile(`/${name}`, name)
    volume.closeSync()
    sound(path)
    const out = join(dir, 'names')
    fs.mkdirSync(out)
    must('mcopy', ['-n', '-i', path, '::/*', out])
    assert.deepEqual(fs.readdirSync(out).sort(), [...names].sort())
    for (const name of names) assert.equal(fs.readFileSync(join(out, name), 'utf8'), name)
  })

  it('what mkfs.fat and mtools make is read the same: FAT12, FAT16, FAT32', async () => {
    const tree = join(dir, 'tree')
    fs.mkdirSync(join(tree, 'sub dir', 'deeper'), { recursive: true })
    fs.writeFileSync(join(tree, 'big.bin'), noise(700_000, 5))
    fs.writeFileSync(join(tree, 'sub dir', 'A long file name \u00e9.txt'), 'x')
    for (let i = 0; i < 60; i++)
      fs.writeFileSync(join(tree, 'sub dir', 'deeper', `file ${i}`), noise(i * 100, i))
    for (const [bits, size] of [
      ['12', 4],
      ['16', 30],
      ['32', 40],
    ] as const) {
      const path = join(dir, `foreign${bits}.img`)
      fs.writeFileSync(path, '')
      fs.truncateSync(path, size * MIB)
      must('mkfs.fat', ['-F', bits, '-n', 'FOREIGN', path])
      must('mcopy', ['-s', '-i', path, join(tree, 'big.bin'), join(tree, 'sub dir'), '::/'])
      const volume = FatVolume.openSync(FileSource.openSync(path))
      assert.equal(volume.label, 'FOREIGN')
      assert.equal(`${volume.geometry.bits}`, bits)
      const names = await volume.fs.readdir('/', { recursive: true })
      assert.deepEqual(names.sort(), (fs.readdirSync(tree, { recursive: true }) as string[]).sort())
      for (const name of names) {
        if (fs.statSync(join(tree, name)).isDirectory()) continue
        assert.deepEqual(await volume.fs.readFile(`/${name}`), fs.readFileSync(join(tree, name)), name)
      }
      await assert.rejects(volume.fs.writeFile('/x', ''), coded('EROFS'))
    }
  })

  it('changes a volume of mkfs.fat and mtools, and it stays sound', async () => {
    const path = join(dir, 'changed.img')
    fs.writeFileSync(path, '')
    fs.truncateSync(path, SIZE)
    must('mkfs.fat', ['-F', '32', path])
    must('mmd', ['-i', path, '::/one'])
    must('mcopy', ['-i', path, '-', '::/one/in.txt'], 'from mtools')
    const source = FileSource.openSync(path, { mode: 'r+' })
    const volume = FatVolume.openSync(source)
    await volume.fs.rename('/one/in.txt', '/One more.txt')
    await volume.fs.mkdir('/two')
    await volume.fs.rename('/one', '/two/one')
    await volume.fs.truncate('/One more.txt', 4)
    volume.closeSync()
    source.closeSync()
    sound(path)
    assert.equal(must('mcopy', ['-i', path, '::/One more.txt', '-']), 'from')
    assert.match(must('mdir', ['-b', '-i', path, '::/two']), /two\/one/)
  })

  it('a volume that was not closed is marked, and the mark is seen by fsck.vfat', async () => {
    const { path, source, volume } = newVolume()
    await volume.fs.writeFile('/f', noise(3 * MIB, 8))
    for (let i = 0; i < 3; i++) await volume.fs.writeFile(`/g${i}`, noise(4 * MIB, i))
    source.flushSync()
    assert.match(run('fsck.vfat', ['-n', path]).out, /dirty bit/i)
    // Who opens it in this state does not take the mark away.
    const copy = `${path}.copy`
    fs.copyFileSync(path, copy)
    const other = FileSource.openSync(copy, { mode: 'r+' })
    const again = FatVolume.openSync(other)
    assert.equal(again.wasDirty, true)
    await again.fs.mkdir('/new')
    again.closeSync()
    assert.match(run('fsck.vfat', ['-n', copy]).out, /dirty bit/i)
    volume.closeSync()
    assert.equal(volume.wasDirty, false)
    sound(path)
  })

  it('random operations: the same as a model, sound after each round, and mcopy gives back every byte', async () => {
    for (const seed of [1, 2, 3]) {
      const { path, volume } = newVolume(36 * MIB)
      const next = random(seed)
      const pick = (count: number) => Math.floor(next() * count)
      const model = new Map<string, Buffer | null>([['', null]])
      const paths = (kind: 'file' | 'directory') =>
        [...model.entries()]
          .filter(([, content]) => (content === null) === (kind === 'directory'))
          .map(([name]) => name)
      const any = (list: string[]) => list[pick(list.length)] as string
      for (let step = 0; step < 250; step++) {
        const parent = any(paths('directory'))
        const fresh = `${parent}/${['F', 'file ', 'A Rather Long Name of '][pick(3)]}${pick(30)}`
        const files = paths('file')
        const kind = pick(8)
        if (kind < 3 && !model.has(fresh)) {
          const bytes = noise(pick(4) === 0 ? pick(300_000) : pick(3000), step)
          await volume.fs.writeFile(fresh, bytes)
          model.set(fresh, bytes)
        } else if (kind === 3 && !model.has(fresh)) {
          await volume.fs.mkdir(fresh)
          model.set(fresh, null)
        } else if (kind === 4 && files.length > 0) {
          const gone = any(files)
          await volume.fs.unlink(gone)
          model.delete(gone)
        } else if (kind === 5 && files.length > 0) {
          const from = any(files)
          if (model.get(fresh) === null) continue
          await volume.fs.rename(from, fresh)
          const bytes = model.get(from) as Buffer
          model.delete(from)
          model.set(fresh, bytes)
        } else if (kind === 6 && files.length > 0) {
          const name = any(files)
          const old = model.get(name) as Buffer
          const at = pick(old.length + 5000)
          const bytes = noise(pick(5000), step)
          const handle = await volume.fs.open(name, 'r+')
          await handle.write(bytes, 0, bytes.length, at)
          await handle.close()
          const grown = Buffer.alloc(
            bytes.length === 0 ? old.length : Math.max(old.length, at + bytes.length),
          )
          old.copy(grown)
          bytes.copy(grown, at)
          model.set(name, grown)
        } else if (kind === 7 && files.length > 0) {
          const name = any(files)
          const old = model.get(name) as Buffer
          const size = pick(old.length + 2000)
          await volume.fs.truncate(name, size)
          const cut = Buffer.alloc(size)
          old.copy(cut)
          model.set(name, cut)
        }
      }
      for (const [name, content] of model) {
        if (content !== null)
          assert.equal(Buffer.compare(await volume.fs.readFile(name), content), 0, `seed ${seed}: ${name}`)
      }
      volume.closeSync()
      sound(path)
      const out = join(dir, `model${seed}`)
      fs.mkdirSync(out)
      must('mcopy', ['-s', '-n', '-i', path, '::/', out])
      const names = (fs.readdirSync(out, { recursive: true }) as string[]).map((name) => `/${name}`).sort()
      assert.deepEqual(names, [...model.keys()].filter((name) => name !== '').sort(), `seed ${seed}`)
      for (const [name, content] of model) {
        if (content !== null)
          assert.equal(Buffer.compare(fs.readFileSync(join(out, name)), content), 0, `seed ${seed}: ${name}`)
      }
    }
  })

  it('ten thousand files in one directory', async () => {
    const { path, volume } = newVolume(64 * MIB)
    await volume.fs.mkdir('/many')
    for (let i = 0; i < 10_000; i++) await volume.fs.writeFile(`/many/file number ${i}`, `${i}`)
    assert.equal((await volume.fs.readdir('/many')).length, 10_000)
    assert.equal(await volume.fs.readFile('/many/file number 9876', 'utf8'), '9876')
    volume.closeSync()
    sound(path)
  })
})

/** A volume with files, a directory and long names, for damage. */
async function sample(): Promise<Uint8Array> {
  const bytes = new Uint8Array(34 * MIB)
  const source = new BytesSource(bytes)
  formatFat32Sync(source, { label: 'H', serial: 1, time: NOW })
  const volume = FatVolume.openSync(source, { now: () => NOW })
  await volume.fs.mkdir('/dir/inner', { recursive: true })
  await volume.fs.writeFile('/dir/inner/file', noise(5000, 1))
  await volume.fs.writeFile('/A long name for a file.txt', noise(70_000, 2))
  volume.closeSync()
  return bytes
}

describe('hostile FAT volumes', () => {
  it('a chain that loops, leaves the volume, or is too short', async () => {
    const bytes = await sample()
    const table = FatVolume.openSync(new BytesSource(bytes)).geometry.fatStart
    const view = new DataView(bytes.buffer)
    const first = 6
    for (const value of [first, first + 1, 0x0fffffff, 0, 1, 0x0ffffff0, 3]) {
      const saved = view.getUint32(table + first * 4, true)
      view.setUint32(table + first * 4, value, true)
      const volume = FatVolume.openSync(
        new SliceSource(new BytesSource(bytes), 0, bytes.length, { readOnly: true }),
      )
      for (const name of await volume.fs.readdir('/', { recursive: true })) {
        await volume.fs.readFile(`/${name}`).catch((error: unknown) => {
          if (!coded('EUCLEAN')(error) && !coded('EISDIR')(error)) throw error
        })
      }
      view.setUint32(table + first * 4, saved, true)
    }
  })

  it('any changed byte of boot sector, tables and directories gives bytes or a clear error, to reader and writer', async () => {
    const good = await sample()
    const { geometry } = FatVolume.openSync(new BytesSource(good))
    const areas = [
      0,
      geometry.fsInfo ?? 0,
      geometry.fatStart,
      geometry.dataStart,
      geometry.dataStart + geometry.clusterSize,
    ]
    const next = random(31)
    for (let round = 0; round < 120; round++) {
      const bytes = new BytesSource(
        good.slice(0, round % 50 === 49 ? Math.floor(next() * good.length) : 3 * MIB),
      )
      // The volume is larger than what is used of it: the rest reads as zeros.
      const whole = new MemorySource(round % 50 === 49 ? bytes.size : good.length)
      const head = new Uint8Array(Math.min(bytes.size, whole.size))
      bytes.readSync(0, head)
      const at = (areas[round % areas.length] ?? 0) + Math.floor(next() * 100)
      head[Math.min(at, head.length - 1)] = Math.floor(next() * 256)
      whole.writeSync(0, head)
      try {
        const volume = FatVolume.openSync(whole)
        for (const name of await volume.fs.readdir('/', { recursive: true })) {
          const stat = await volume.fs.stat(`/${name}`)
          if (stat.isFile()) await volume.fs.readFile(`/${name}`)
        }
        await volume.fs.writeFile('/new file', 'x')
        await volume.fs.rm('/dir', { recursive: true, force: true })
        volume.closeSync()
      } catch (error) {
        const known = error instanceof Error && error.name === 'DiskError'
        if (!known) throw new Error(`seed 31 round ${round}: byte ${at}`, { cause: error })
      }
    }
  })
})
