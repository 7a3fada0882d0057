import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  type BlockSource,
  detectVolume,
  FileSource,
  Mbr,
  MemorySource,
  openPartition,
  readPartitionTable,
} from '../../src/index.js'
import { BytesSource, coded, must, random, scratch, survives, without } from '../support/tools.js'

const dir = scratch('mbr')
const MIB = 1 << 20
const SIZE = 128 * MIB
let serial = 0

function newDisk(size = SIZE): { path: string; disk: FileSource } {
  const path = join(dir, `${++serial}.img`)
  return { path, disk: FileSource.createSync(path, size) }
}

/** Two primary partitions and three logical ones. */
function sample(disk: BlockSource): Mbr {
  const mbr = Mbr.create(disk, { signature: 0x1234abcd })
  mbr.add({ type: 'fat32', size: 20 * MIB, active: true })
  mbr.add({ type: 'linux', size: 10 * MIB, index: 3 })
  mbr.add({ kind: 'logical', size: 5 * MIB })
  mbr.add({ kind: 'logical', type: 'linux', size: 6 * MIB })
  mbr.add({ kind: 'logical', type: 'exfat', size: 'rest' })
  mbr.writeSync(disk)
  return mbr
}

interface SfdiskTable {
  id: string
  partitions?: { node: string; start: number; size: number; type: string; bootable?: boolean }[]
}

const sfdisk = (path: string) =>
  (JSON.parse(must('sfdisk', ['--json', path])) as { partitiontable: SfdiskTable }).partitiontable

const rows = (mbr: Mbr) =>
  mbr.partitions().map((p) => [p.index, p.firstLba, p.sectors, p.type.toString(16), p.active])

function sameAsSfdisk(path: string, mbr: Mbr): void {
  const seen = sfdisk(path)
  assert.deepEqual(
    rows(mbr),
    seen.partitions?.map((p) => [
      Number(p.node.replace(/.*\D/, '')),
      p.start,
      p.size,
      p.type,
      p.bootable ?? false,
    ]),
  )
  assert.equal(seen.id, `0x${mbr.signature.toString(16).padStart(8, '0')}`)
}

describe('an MBR that is written here', () => {
  it('is read back the same, its partitions open as slices', () => {
    const disk = new MemorySource(SIZE)
    const made = sample(disk)
    const read = readPartitionTable(disk) as Mbr
    assert.deepEqual(read.partitions(), made.partitions())
    assert.deepEqual(read.problems, [])
    assert.deepEqual(
      read.list().map((part) => [part.index, part.start / MIB, part.size / MIB, part.typeName]),
      [
        [1, 1, 20, 'fat32'],
        [2, 31, 97, 'extended'],
        [3, 21, 10, 'linux'],
        [5, 32, 5, 'ntfs'],
        [6, 38, 6, 'linux'],
        [7, 45, 83, 'ntfs'],
      ],
    )
    openPartition(disk, 6).writeSync(0, Uint8Array.of(99))
    const back = new Uint8Array(1)
    disk.readSync(38 * MIB, back)
    assert.equal(back[0], 99)
  })

  it('logical partitions move up when one goes, and the room is used again', () => {
    for (const gone of [5, 6, 7]) {
      const disk = new MemorySource(SIZE)
      sample(disk)
      const mbr = Mbr.readSync(disk)
      const kept = mbr.partitions().filter((part) => part.index !== gone)
      mbr.remove(gone)
      const places = (parts: { firstLba: number }[]) => parts.map((part) => part.firstLba)
      assert.deepEqual(places(mbr.partitions()), places(kept))
      const size = gone === 7 ? 83 * MIB : 5 * MIB
      assert.equal(mbr.add({ kind: 'logical', size }).index, 7)
      mbr.writeSync(disk)
      assert.deepEqual(Mbr.readSync(disk).partitions(), mbr.partitions())
      assert.deepEqual(Mbr.readSync(disk).problems, [])
    }
  })

  it('keeps boot code, and one active partition at most', () => {
    const disk = new MemorySource(SIZE)
    disk.writeSync(0, new Uint8Array(440).fill(0x90))
    const mbr = sample(disk)
    mbr.change(3, { active: true, type: 'ntfs' })
    mbr.writeSync(disk)
    const code = new Uint8Array(440)
    disk.readSync(0, code)
    assert.deepEqual(code, new Uint8Array(440).fill(0x90))
    const active = Mbr.readSync(disk)
      .partitions()
      .filter((part) => part.active)
    assert.deepEqual(
      active.map((part) => part.index),
      [3],
    )
  })

  it('changes sizes, and refuses to cut what lies inside', () => {
    const disk = new MemorySource(SIZE)
    const mbr = sample(disk)
    mbr.change(1, { size: 12 * MIB })
    assert.throws(() => mbr.change(2, { size: 90 * MIB }), coded('ENOSPC'))
    assert.throws(() => mbr.change(5, { size: 6 * MIB }), coded('ENOSPC'))
    mbr.change(7, { size: 20 * MIB })
    mbr.change(2, { size: 34 * MIB })
    mbr.change(1, { size: 20 * MIB })
    mbr.change(6, { size: 5 * MIB })
    mbr.writeSync(disk)
    const read = Mbr.readSync(disk)
    assert.deepEqual(read.problems, [])
    assert.deepEqual(
      read.list().map((part) => [part.index, part.size / MIB]),
      [
        [1, 20],
        [2, 34],
        [3, 10],
        [5, 5],
        [6, 5],
        [7, 20],
      ],
    )
    read.change(2, { size: 'rest' })
    assert.equal(read.change(7, { size: 'rest' }).sectors * 512, 83 * MIB)
  })

  it('refuses what does not fit', () => {
    const mbr = sample(new MemorySource(SIZE))
    assert.throws(() => mbr.add({ size: MIB }), coded('ENOSPC'))
    assert.throws(() => mbr.add({ kind: 'logical', size: 'rest' }), coded('ENOSPC'))
    assert.throws(() => mbr.add({ kind: 'extended', size: MIB }), coded('EEXIST'))
    assert.throws(() => mbr.remove(2), coded('ENOTEMPTY'))
    assert.throws(() => mbr.remove(9), coded('ENOENT'))
    assert.throws(() => mbr.change(2, { type: 'ntfs' }), coded('EINVAL'))
    const large = Mbr.create(new MemorySource(3 * 2 ** 40))
    assert.throws(() => large.add({ size: 2.5 * 2 ** 40 }), coded('ENOSPC'))
    large.add({ size: 'rest' })
    assert.ok(large.partitions()[0] !== undefined)
  })

  it('is not seen in a boot sector of a filesystem, nor on an empty disk', () => {
    const disk = new MemorySource(SIZE)
    assert.equal(readPartitionTable(disk), null)
    assert.equal(detectVolume(disk), null)
    const boot = new Uint8Array(512)
    boot.set([0xeb, 0x58, 0x90])
    boot.set(Buffer.from('NTFS    '), 3)
    boot.set([0x55, 0xaa], 510)
    disk.writeSync(0, boot)
    assert.equal(detectVolume(disk), 'ntfs')
    assert.equal(readPartitionTable(disk), null)
    assert.throws(() => Mbr.readSync(disk), coded('EUCLEAN'))
    assert.throws(() => openPartition(disk, 1), coded('ENOENT'))
  })
})

describe('judged by sfdisk and parted', { skip: without('sfdisk', 'parted', 'mkfs.fat') }, () => {
  it('what is written here is sound and means the same there', () => {
    const { path, disk } = newDisk()
    const mbr = sample(disk)
    disk.closeSync()
    sameAsSfdisk(path, mbr)
    assert.doesNotMatch(must('sfdisk', ['--verify', path]), /overlap|invalid|outside/i)
    assert.match(must('parted', ['-s', path, 'print']), /Partition Table: msdos/)
    for (const index of [1, 3, 5, 6, 7]) must('parted', ['-s', path, 'align-check', 'optimal', `${index}`])
  })

  it('after each removal of a logical partition too', () => {
    for (const gone of [5, 6, 7]) {
      const { path, disk } = newDisk()
      sample(disk)
      const mbr = Mbr.readSync(disk)
      mbr.remove(gone)
      mbr.add({ kind: 'logical', size: 3 * MIB, type: 0x82 })
      mbr.writeSync(disk)
      disk.closeSync()
      sameAsSfdisk(path, mbr)
      assert.match(must('parted', ['-s', path, 'print']), /msdos/)
    }
  })

  it('what sfdisk writes is read the same, and written again is the same', () => {
    const { path, disk } = newDisk()
    const script = 'label: dos\n,10M,c,*\n,,5\n,5M,83\n,6M,7\n,7M,82\n'
    must('sfdisk', [path], script)
    const mbr = Mbr.readSync(disk)
    assert.deepEqual(mbr.problems, [])
    sameAsSfdisk(path, mbr)
    const before = rows(mbr)
    mbr.writeSync(disk)
    disk.closeSync()
    sameAsSfdisk(path, mbr)
    assert.deepEqual(rows(mbr), before)
  })

  it('what parted writes is read the same', () => {
    const { path, disk } = newDisk()
    const commands = 'mklabel msdos mkpart primary 1MiB 20MiB mkpart extended 20MiB 100% '
    const logical = 'mkpart logical 21MiB 30MiB mkpart logical 31MiB 40MiB set 1 boot on'
    must('parted', ['-s', path, ...`${commands}${logical}`.split(' ')])
    sameAsSfdisk(path, Mbr.readSync(disk))
    disk.closeSync()
  })

  it('a FAT volume over the whole disk has no table', () => {
    for (const bits of ['12', '16', '32']) {
      const { path, disk } = newDisk(bits === '12' ? 4 * MIB : SIZE)
      must('mkfs.fat', ['-F', bits, path])
      assert.equal(readPartitionTable(disk), null, `FAT${bits}`)
      assert.equal(detectVolume(disk), 'fat')
      disk.closeSync()
    }
  })
})

describe('hostile records', () => {
  it('a loop of extended records ends', () => {
    const disk = new MemorySource(SIZE)
    const mbr = sample(disk)
    const second = mbr.partitions().find((part) => part.index === 6)?.recordLba ?? 0
    const record = new Uint8Array(512)
    disk.readSync(second * 512, record)
    // The link of the second record leads to itself, counted from the extended partition.
    const start = mbr.extended?.firstLba ?? 0
    new DataView(record.buffer).setUint32(446 + 16 + 8, second - start, true)
    disk.writeSync(second * 512, record)
    const read = Mbr.readSync(disk)
    assert.match(read.problems.join(), /loops/)
    assert.equal(read.partitions().length, 5)
  })

  it('any byte of any record gives a table, a slice or a clear error', () => {
    const good = new Uint8Array(64 * MIB)
    const disk = new BytesSource(good)
    const mbr = Mbr.create(disk, { signature: 1 })
    mbr.add({ size: MIB })
    for (let i = 0; i < 3; i++) mbr.add({ kind: 'logical', size: MIB })
    mbr.writeSync(disk)
    const records = [
      0,
      ...mbr.partitions().flatMap((part) => (part.recordLba === null ? [] : [part.recordLba])),
    ]
    const next = random(21)
    for (let round = 0; round < 2000; round++) {
      const at = (records[round % records.length] ?? 0) * 512 + 440 + Math.floor(next() * 72)
      const old = good[at] ?? 0
      good[at] = Math.floor(next() * 256)
      const work = () => {
        for (const part of readPartitionTable(disk)?.list() ?? []) {
          openPartition(disk, part.index).readSync(0, new Uint8Array(512))
        }
      }
      survives(work, `seed 21 round ${round}: byte ${at} = ${good[at]}`)
      good[at] = old
    }
  })
})
