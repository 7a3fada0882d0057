import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FatVolume, FileSource, formatFat32Sync, MemorySource, seededRandom } from '../../src/index.js'
import { coded, run, without } from '../support/tools.js'
import { MIB, NOW, newVolume, noise, SIZE, sound } from './volumes.js'

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

  it('a removed file that is open when the volume closes leaves nothing behind', async () => {
    const { volume, path } = newVolume()
    const before = volume.space().bfree
    const handle = await volume.fs.open('/f', 'w+')
    await handle.write(noise(100_000, 4))
    await volume.fs.unlink('/f')
    await handle.sync()
    if (!without('fsck.vfat')) assert.match(run('fsck.vfat', ['-n', path]).out, /dirty bit/i)
    volume.closeSync()
    await handle.close()
    const source = FileSource.openSync(path)
    assert.equal(FatVolume.openSync(source).space().bfree, before)
    source.closeSync()
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
