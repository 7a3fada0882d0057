import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ExfatVolume, FileSource } from '../../src/index.js'
import { must, random, run, scratch, without } from '../support/tools.js'

const dir = scratch('exfat-mounted')

describe('exFAT as exfat-fuse writes it', {
  skip: without('mkfs.exfat', 'mount.exfat-fuse', 'umount', 'losetup'),
}, () => {
  it('a tree with many names, fragments and removed files is read the same', async (t) => {
    const image = join(dir, 'image')
    const mounted = join(dir, 'mnt')
    fs.mkdirSync(mounted)
    fs.writeFileSync(image, '')
    fs.truncateSync(image, 64 << 20)
    must('mkfs.exfat', ['-c', '4K', image])
    // exfat-fuse mounts as fuseblk, which wants a block device.
    const loop = run('losetup', ['-f', '--show', image])
    if (loop.status !== 0) return t.skip(`no loop device: ${loop.out}`)
    const device = loop.out.trim()
    const started = run('timeout', ['20', 'mount.exfat-fuse', device, mounted])
    if (started.status !== 0) {
      run('losetup', ['-d', device])
      return t.skip(`exfat-fuse cannot mount here: ${started.out}`)
    }
    const expected = new Map<string, Buffer | null>()
    const next = random(6)
    try {
      for (const name of [
        'plain',
        'With Blanks and a long name that goes on',
        '\u00c4\u00d6\u00dc \u65e5\u672c',
      ]) {
        fs.mkdirSync(join(mounted, name))
        expected.set(name, null)
        for (let i = 0; i < 80; i++) {
          const bytes = Buffer.from(
            Uint8Array.from({ length: Math.floor(next() * 40_000) }, () => next() * 256),
          )
          const file = `${name}/file ${i} ${'x'.repeat(Math.floor(next() * 200))}`
          fs.writeFileSync(join(mounted, file), bytes)
          if (i % 3 === 0) fs.unlinkSync(join(mounted, file))
          else expected.set(file, bytes)
        }
      }
      // A file in what the removed ones left: it lies in many pieces.
      const large = Buffer.from(Uint8Array.from({ length: 3_000_000 }, () => next() * 256))
      fs.writeFileSync(join(mounted, 'large'), large)
      expected.set('large', large)
    } finally {
      must('timeout', ['20', 'umount', mounted])
      run('losetup', ['-d', device])
      await until(() => run('losetup', ['-j', image]).out.trim() === '', 'the loop device is still in use')
    }
    const volume = ExfatVolume.openSync(FileSource.openSync(image))
    const names = await volume.fs.readdir('/', { recursive: true })
    assert.deepEqual(names.sort(), [...expected.keys()].sort())
    for (const [name, bytes] of expected) {
      if (bytes !== null) assert.equal(Buffer.compare(await volume.fs.readFile(`/${name}`), bytes), 0, name)
    }
  })
})

/** exfat-fuse writes its last blocks after umount(8) has returned; the loop device goes when it has closed it. */
async function until(done: () => boolean, complaint: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!done()) {
    assert.ok(Date.now() < deadline, complaint)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
