import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { detectVolume, ExfatVolume } from '../../src/index.js'
import { ExfatBuilder } from '../support/exfat-builder.js'
import { BytesSource, coded, must, random, run, scratch, survives, without } from '../support/tools.js'

const dir = scratch('exfat')
const MIB = 1 << 20
let serial = 0

function noise(length: number, seed: number): Buffer {
  const next = random(seed)
  return Buffer.from(Uint8Array.from({ length }, () => next() * 256))
}

const LONG = 'A name that is longer than two parts of fifteen units.txt'
const contents = { chained: noise(100_000, 1), straight: noise(50_000, 2), cut: noise(20_000, 3) }

/** An image with files of every kind, which fsck.exfat finds sound. */
function sample(...options: string[]): Buffer {
  const path = join(dir, `${++serial}.img`)
  fs.writeFileSync(path, '')
  fs.truncateSync(path, 8 * MIB)
  must('mkfs.exfat', ['-L', 'My Label', ...options, path])
  const image = fs.readFileSync(path)
  const builder = new ExfatBuilder(image)
  const sub = builder.add(builder.root, 'Sub', null)
  builder.add(sub, LONG, contents.chained, { chained: true })
  builder.add(builder.root, 'straight.bin', contents.straight)
  builder.add(sub, 'cut', contents.cut, { valid: 12_345 })
  builder.add(builder.root, 'empty', Buffer.alloc(0))
  fs.writeFileSync(path, image)
  const checked = run('fsck.exfat', ['-n', path])
  assert.equal(checked.status, 0, checked.out)
  assert.match(checked.out, /clean/)
  return image
}

describe('exFAT', { skip: without('mkfs.exfat', 'fsck.exfat') }, () => {
  for (const options of [[], ['-c', '4K'], ['-c', '128K'], ['-c', '512']]) {
    it(`reads names, chains, straight runs, valid lengths, times (mkfs.exfat ${options.join(' ')})`, async () => {
      const source = new BytesSource(sample(...options))
      assert.equal(detectVolume(source), 'exfat')
      const volume = ExfatVolume.openSync(source)
      assert.equal(volume.label, 'My Label')
      assert.deepEqual(await volume.fs.readdir('/', { recursive: true }), [
        'Sub',
        `Sub/${LONG}`,
        'Sub/cut',
        'straight.bin',
        'empty',
      ])
      assert.deepEqual(await volume.fs.readFile(`/sub/${LONG.toUpperCase()}`), contents.chained)
      assert.deepEqual(await volume.fs.readFile('/straight.bin'), contents.straight)
      assert.equal((await volume.fs.readFile('/empty')).length, 0)
      const cut = Buffer.from(contents.cut).fill(0, 12_345)
      assert.deepEqual(await volume.fs.readFile('/Sub/cut'), cut)
      const stat = await volume.fs.stat('/straight.bin')
      assert.equal(stat.mtime.toISOString(), '2024-02-29T11:34:56.000Z')
      assert.equal(stat.size, 50_000)
      const space = volume.space()
      assert.ok(space.bfree > 0 && space.bfree < space.blocks)
      const handle = await volume.fs.open('/straight.bin')
      const back = Buffer.alloc(1000)
      await handle.read(back, 0, 1000, 49_500)
      assert.deepEqual(back.subarray(0, 500), contents.straight.subarray(49_500))
      await handle.close()
      await assert.rejects(volume.fs.writeFile('/new', ''), coded('EROFS'))
      await assert.rejects(volume.fs.unlink('/empty'), coded('EROFS'))
      await assert.rejects(volume.fs.stat('/none'), coded('ENOENT'))
    })
  }

  it('reads by the backup when the boot region is damaged', async () => {
    const image = sample()
    image.fill(0, 0, 512)
    const volume = ExfatVolume.openSync(new BytesSource(image))
    assert.equal(volume.geometry.fromBackup, true)
    assert.equal((await volume.fs.readdir('/')).length, 3)
    assert.throws(() => ExfatVolume.openSync(new BytesSource(Buffer.alloc(MIB))), coded('EUCLEAN'))
  })

  it('any changed byte gives bytes or a clear error', async () => {
    const image = sample('-c', '4K')
    const { geometry } = ExfatVolume.openSync(new BytesSource(image))
    const root = geometry.dataStart + (geometry.rootCluster - 2) * geometry.clusterSize
    const areas = [
      64,
      geometry.fatStart,
      root,
      root + geometry.clusterSize,
      geometry.fatStart + 4 * geometry.rootCluster,
    ]
    const next = random(41)
    for (let round = 0; round < 250; round++) {
      const at = (areas[round % areas.length] ?? 0) + Math.floor(next() * 160)
      const old = image[at] ?? 0
      image[at] = [Math.floor(next() * 256), 0xff, 0][round % 3] ?? 0
      seal(image)
      // With a right checksum a changed set is looked into as well.
      if (at >= root && at < root + 4096)
        for (let set = root; set < root + 4096; set += 32) if (image[set] === 0x85) sealSet(image, set)
      const work = () => {
        const volume = ExfatVolume.openSync(new BytesSource(image))
        const visit = (node: typeof volume.root, depth: number) => {
          for (const { node: child } of depth > 5 ? [] : volume.list(node)) {
            if (volume.info(child).directory) survives(() => visit(child, depth + 1), 'a directory')
            else survives(() => volume.read(child, 0, new Uint8Array(200_000), 0, 200_000), 'a file')
          }
        }
        visit(volume.root, 0)
        volume.space()
      }
      survives(work, `seed 41 round ${round}: byte ${at} = ${image[at]}`)
      image[at] = old
      if (at >= root && at < root + 4096)
        for (let set = root; set < root + 4096; set += 32) if (image[set] === 0x85) sealSet(image, set)
    }
    for (let cut = 0; cut < 40; cut++) {
      const length = Math.floor(next() * image.length)
      survives(() => ExfatVolume.openSync(new BytesSource(image.subarray(0, length))), `cut at ${length}`)
    }
  })
})

/** Puts the right checksum into the last sector of the boot region. */
function seal(image: Buffer): void {
  let sum = 0
  for (let i = 0; i < 11 * 512; i++) {
    if (i === 106 || i === 107 || i === 112) continue
    sum = ((sum & 1 ? 0x80000000 : 0) + (sum >>> 1) + (image[i] ?? 0)) >>> 0
  }
  for (let i = 0; i < 512; i += 4) image.writeUInt32LE(sum, 11 * 512 + i)
}

function sealSet(image: Buffer, at: number): void {
  const end = at + ((image[at + 1] ?? 0) + 1) * 32
  let sum = 0
  for (let i = at; i < end; i++) {
    if (i !== at + 2 && i !== at + 3) sum = (((sum & 1) << 15) + (sum >> 1) + (image[i] ?? 0)) & 0xffff
  }
  image.writeUInt16LE(sum, at + 2)
}
