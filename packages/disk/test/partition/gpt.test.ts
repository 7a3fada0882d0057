import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  type BlockSource,
  FileSource,
  GPT_ATTRIBUTES,
  Gpt,
  MemorySource,
  openPartition,
  readPartitionTable,
  seededRandom,
} from '../../src/index.js'
import { BytesSource, coded, must, random, run, scratch, survives, without } from '../support/tools.js'

const dir = scratch('gpt')
const MIB = 1 << 20
const SIZE = 64 * MIB
let serial = 0
const newPath = () => join(dir, `${++serial}.img`)

function newDisk(size = SIZE, blockSize = 512): { path: string; disk: FileSource } {
  const path = newPath()
  return { path, disk: FileSource.createSync(path, size, { blockSize }) }
}

/** The layout of the README: an EFI partition, an MSR, and the rest for NTFS. */
function sample(disk: BlockSource): Gpt {
  const gpt = Gpt.create(disk, { random: seededRandom('sample') })
  gpt.add({ type: 'esp', size: 20 * MIB, name: 'EFI system', attributes: GPT_ATTRIBUTES.required })
  gpt.add({ type: 'msr', size: 4 * MIB })
  gpt.add({
    type: 'data',
    size: 'rest',
    name: 'Daten \u00fc\u{1f4bd}',
    attributes: GPT_ATTRIBUTES.noAutomount,
    index: 5,
  })
  gpt.writeSync(disk)
  return gpt
}

interface SfdiskTable {
  label: string
  id: string
  firstlba: number
  lastlba: number
  partitions?: {
    node: string
    start: number
    size: number
    type: string
    uuid: string
    name?: string
    attrs?: string
  }[]
}
const sfdisk = (path: string) =>
  (JSON.parse(must('sfdisk', ['--json', path])) as { partitiontable: SfdiskTable }).partitiontable

describe('a GPT that is written here', () => {
  it('is read back, from either end, with the same content', () => {
    const disk = new MemorySource(SIZE)
    const made = sample(disk)
    for (const damage of [-1, 1, 2, 2 * 16, SIZE / 512 - 1]) {
      if (damage > 0) disk.writeSync(damage * 512, new Uint8Array(512).fill(damage === 2 ? 7 : 0))
      const read = Gpt.readSync(disk)
      assert.deepEqual(read.partitions(), made.partitions())
      assert.equal(read.guid, made.guid)
      if (damage > 0) assert.ok(read.problems.length > 0 || damage === 32, `damage in ${damage} is told`)
      else assert.deepEqual(read.problems, [])
      read.writeSync(disk)
      assert.deepEqual(Gpt.readSync(disk).problems, [])
    }
  })

  it('is the same byte for byte with the same seed, and starts at whole MiB', () => {
    const [a, b] = [new MemorySource(SIZE), new MemorySource(SIZE)]
    const gpt = sample(a)
    sample(b)
    const [bytesA, bytesB] = [new Uint8Array(SIZE), new Uint8Array(SIZE)]
    a.readSync(0, bytesA)
    b.readSync(0, bytesB)
    assert.equal(Buffer.compare(bytesA, bytesB), 0)
    assert.deepEqual(
      gpt.list().map(({ index, start, size }) => [index, start / MIB, size / MIB]),
      [
        [1, 1, 20],
        [2, 21, 4],
        [5, 25, 38],
      ],
    )
  })

  it('keeps a whole copy on the disk after every single write', () => {
    const bytes = new Uint8Array(8 * MIB)
    const disk = new BytesSource(bytes)
    const gpt = Gpt.create(disk, { random: seededRandom('x') })
    gpt.add({ size: MIB, name: 'old' })
    gpt.writeSync(disk)
    gpt.change(1, { name: 'new' })
    const writes: [number, Uint8Array][] = []
    class Log extends BytesSource {
      protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
        writes.push([position, buffer.slice(offset, offset + length)])
      }
    }
    gpt.writeSync(new Log(bytes))
    assert.ok(writes.length >= 4)
    for (const [position, written] of writes) {
      bytes.set(written.subarray(0, 40), position)
      assert.match(Gpt.readSync(disk).partitions()[0]?.name ?? '', /^(old|new)$/)
      bytes.set(written, position)
      assert.match(Gpt.readSync(disk).partitions()[0]?.name ?? '', /^(old|new)$/)
    }
  })

  it('is found on a disk with sectors of 4096 bytes, and without its protective record', () => {
    const disk = new MemorySource(SIZE, { blockSize: 4096 })
    sample(disk)
    const bytes = new Uint8Array(SIZE)
    disk.readSync(0, bytes)
    const seen = MemorySource.from(bytes)
    assert.equal((readPartitionTable(seen) as Gpt).sectorSize, 4096)
    assert.equal(openPartition(seen, 1).start, MIB)
    seen.writeSync(0, new Uint8Array(512))
    assert.equal(readPartitionTable(seen)?.kind, 'gpt')
  })

  it('changes: type, name, attributes, size; removes; reuses the room', () => {
    const disk = new MemorySource(SIZE)
    const gpt = sample(disk)
    gpt.change(2, { type: 'linux', name: 'x', attributes: 4n, size: 2 * MIB })
    gpt.remove(1)
    assert.equal(gpt.add({ size: 20 * MIB }).index, 1)
    gpt.writeSync(disk)
    const read = Gpt.readSync(disk)
    assert.deepEqual(
      read.list().map((part) => [part.index, part.typeName, part.name, part.size / MIB]),
      [
        [1, 'data', '', 20],
        [2, 'linux', 'x', 2],
        [5, 'data', 'Daten \u00fc\u{1f4bd}', 38],
      ],
    )
    assert.throws(() => read.change(2, { size: 5 * MIB }), coded('ENOSPC'))
  })

  it('refuses what does not fit', () => {
    const gpt = sample(new MemorySource(SIZE))
    assert.throws(() => gpt.add({ size: 10 * MIB }), coded('ENOSPC'))
    assert.throws(() => gpt.add({ size: 0 }), coded('EINVAL'))
    assert.throws(() => gpt.add({ size: 512, start: 30 * MIB }), coded('ENOSPC'))
    assert.throws(() => gpt.add({ size: 512, index: 1 }), coded('EEXIST'))
    assert.throws(() => gpt.add({ size: 512, type: 'nonsense' }), coded('EINVAL'))
    assert.throws(() => gpt.change(1, { name: 'x'.repeat(37) }), coded('ENAMETOOLONG'))
    assert.throws(() => gpt.remove(4), coded('ENOENT'))
    assert.throws(() => Gpt.create(new MemorySource(20_000)), coded('ENOSPC'))
    assert.throws(() => gpt.writeSync(new MemorySource(32 * MIB)), coded('ENOSPC'))
  })
})

describe('judged by sgdisk, sfdisk and parted', { skip: without('sgdisk', 'sfdisk', 'parted') }, () => {
  it('what is written here is sound and means the same there', () => {
    const { path, disk } = newDisk()
    const gpt = sample(disk)
    disk.closeSync()
    assert.match(must('sgdisk', ['-v', path]), /No problems found/)
    assert.match(must('sfdisk', ['--verify', path]), /No errors detected/)
    assert.match(must('parted', ['-s', path, 'print']), /Partition Table: gpt/)
    assert.match(must('parted', ['-s', path, 'align-check', 'optimal', '5']), /5 aligned|^$/)
    const seen = sfdisk(path)
    assert.equal(seen.label, 'gpt')
    assert.equal(seen.id, gpt.guid)
    assert.deepEqual(
      (seen.partitions ?? []).map((part) => [part.start, part.size, part.type, part.uuid, part.name ?? '']),
      gpt.partitions().map((p) => [p.firstLba, p.lastLba - p.firstLba + 1, p.type, p.guid, p.name]),
    )
    assert.deepEqual(
      (seen.partitions ?? []).map((part) => part.attrs ?? ''),
      ['RequiredPartition', '', 'GUID:63'],
    )
    assert.deepEqual({ first: seen.firstlba, last: seen.lastlba }, gpt.usable)
  })

  it('a block device of 4096-byte sectors', (t) => {
    const path = newPath()
    fs.writeFileSync(path, '')
    fs.truncateSync(path, SIZE)
    const loop = run('losetup', ['-f', '--show', '-b', '4096', path])
    if (loop.status !== 0) return t.skip(`no loop device: ${loop.out}`)
    const device = loop.out.trim()
    try {
      const disk = FileSource.openSync(device, { mode: 'r+' })
      assert.equal(disk.blockSize, 4096)
      assert.equal(disk.size, SIZE)
      assert.throws(() => FileSource.openSync(device, { mode: 'r+' }), coded('EBUSY'))
      const gpt = sample(disk)
      disk.closeSync()
      assert.match(must('sgdisk', ['-v', device]), /No problems found/)
      assert.deepEqual(
        sfdisk(device).partitions?.map((part) => part.start),
        gpt.partitions().map((part) => part.firstLba),
      )
    } finally {
      run('losetup', ['-d', device])
    }
  })

  it('what sgdisk writes is read the same, and written again is sound', () => {
    const { path, disk } = newDisk()
    disk.closeSync()
    must('sgdisk', [
      '-o',
      '-n',
      '1:0:+10M',
      '-t',
      '1:ef00',
      '-c',
      '1:boot \u00e4',
      '-A',
      '1:set:2',
      '-n',
      '4:0:0',
      path,
    ])
    const source = FileSource.openSync(path, { mode: 'r+' })
    const gpt = readPartitionTable(source) as Gpt
    assert.deepEqual(gpt.problems, [])
    const seen = sfdisk(path)
    assert.deepEqual(
      gpt.partitions().map((p) => [p.index, p.firstLba, p.lastLba - p.firstLba + 1, p.type, p.guid, p.name]),
      seen.partitions?.map((p) => [
        Number(p.node.replace(/.*\D/, '')),
        p.start,
        p.size,
        p.type,
        p.uuid,
        p.name ?? '',
      ]),
    )
    assert.equal(gpt.partitions()[0]?.attributes, 4n)
    const before = fs.readFileSync(path)
    gpt.writeSync(source)
    source.closeSync()
    assert.match(must('sgdisk', ['-v', path]), /No problems found/)
    // Not a byte of the two copies differs from what sgdisk wrote.
    const after = fs.readFileSync(path)
    assert.equal(Buffer.compare(after.subarray(512), before.subarray(512)), 0)
  })

  it('repairs what sgdisk calls damaged, and moves the backup of a disk that grew', () => {
    const { path, disk } = newDisk()
    const made = sample(disk)
    disk.writeSync(512, new Uint8Array(512))
    disk.closeSync()
    fs.truncateSync(path, SIZE + 8 * MIB)
    fs.truncateSync(path, SIZE)
    const source = FileSource.openSync(path, { mode: 'r+' })
    const gpt = Gpt.readSync(source)
    assert.deepEqual(gpt.partitions(), made.partitions())
    gpt.writeSync(source)
    source.closeSync()
    assert.match(must('sgdisk', ['-v', path]), /No problems found/)
    fs.truncateSync(path, SIZE + 8 * MIB)
    const grown = FileSource.openSync(path, { mode: 'r+' })
    const again = Gpt.readSync(grown)
    assert.match(again.problems.join(), /not at the end/)
    again.add({ size: 'rest', name: 'new room' })
    again.writeSync(grown)
    grown.closeSync()
    assert.match(must('sgdisk', ['-v', path]), /No problems found/)
    assert.equal(sfdisk(path).partitions?.length, 4)
  })

  it('leaves a hybrid record as it is', () => {
    const { path, disk } = newDisk()
    sample(disk)
    disk.closeSync()
    must('sgdisk', ['-h', '1', path])
    const before = fs.readFileSync(path).subarray(0, 512)
    const source = FileSource.openSync(path, { mode: 'r+' })
    const gpt = readPartitionTable(source) as Gpt
    assert.match(gpt.problems.join(), /hybrid/)
    gpt.writeSync(source)
    source.closeSync()
    assert.deepEqual(fs.readFileSync(path).subarray(0, 512), before)
  })
})

describe('hostile tables', () => {
  it('every changed byte of either copy is healed or told, and a copy with a right CRC does not mislead', () => {
    const good = new Uint8Array(4 * MIB)
    const gpt = Gpt.create(new BytesSource(good), { random: seededRandom('h') })
    gpt.add({ size: MIB })
    gpt.writeSync(new BytesSource(good))
    const next = random(11)
    for (let round = 0; round < 300; round++) {
      const bytes = good.slice(0, round % 3 === 0 ? Math.floor(next() * good.length) : good.length)
      const disk = new BytesSource(bytes)
      const at = [512, 1024, 446][round % 3] as number
      bytes[at + Math.floor(next() * 128)] = Math.floor(next() * 256)
      survives(() => openPartition(disk, 1).readSync(0, new Uint8Array(512)), `seed 11 round ${round}`)
      if (round % 3 !== 1 || bytes.length < good.length) continue
      assert.equal(Gpt.readSync(disk).partitions()[0]?.firstLba, 2048, 'the whole copy is taken')
    }
  })

  it('fields with any value behind a right CRC never let a write go to the wrong place', () => {
    const good = new Uint8Array(4 * MIB)
    const gpt = Gpt.create(new BytesSource(good), { random: seededRandom('h') })
    gpt.add({ size: MIB, start: MIB })
    gpt.writeSync(new BytesSource(good))
    good.fill(0x5a, MIB, 2 * MIB)
    const content = good.slice(MIB, 2 * MIB)
    const next = random(12)
    for (let round = 0; round < 210; round++) {
      const bytes = good.slice()
      const field = [24, 32, 40, 48, 72, 80, 84][round % 7] as number
      const view = Buffer.from(bytes.buffer)
      view.writeUIntLE(
        [0, 1, 2048, 2049, 2 ** 31, Math.floor(next() * 8192)][round % 6] as number,
        512 + field,
        4,
      )
      view.writeUInt32LE(0, 512 + 16)
      view.writeUInt32LE(crc(bytes.subarray(512, 512 + 92)), 512 + 16)
      const disk = new BytesSource(bytes)
      survives(() => {
        const read = Gpt.readSync(disk)
        read.writeSync(disk)
      }, `round ${round}`)
      assert.ok(
        Buffer.compare(bytes.subarray(MIB, 2 * MIB), content) === 0,
        `round ${round}: field ${field} led a write into the partition`,
      )
    }
  })
})

/** CRC-32, bit by bit, so that the test does not lean on the code it tests. */
function crc(bytes: Uint8Array): number {
  let value = 0xffffffff
  for (const byte of bytes) {
    value ^= byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  }
  return ~value >>> 0
}
