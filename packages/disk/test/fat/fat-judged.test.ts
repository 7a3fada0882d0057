import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { FatVolume, FileSource, formatFat32Sync, Gpt, openPartition } from '../../src/index.js'
import { coded, must, random, run, without } from '../support/tools.js'
import { dir, MIB, newPath, newVolume, noise, SIZE, sound } from './volumes.js'

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
      const path = newPath()
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
