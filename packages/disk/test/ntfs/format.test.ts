import assert from 'node:assert/strict'
import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { DiskError } from '../../src/error.js'
import { check } from '../../src/ntfs/check/check.js'
import { fileTimeOfMs } from '../../src/ntfs/layout/filetime.js'
import type { FormatOptions } from '../../src/ntfs/mkfs/format.js'
import { Volume } from '../../src/ntfs/volume.js'
import { FileSource } from '../../src/source/file.js'
import { MemorySource } from '../../src/source/memory.js'
import { missing, run, succeed, withDirectory } from './tools.js'

const MIB = 1 << 20
const skip = missing('mkntfs', 'ntfsinfo', 'ntfsfix', 'ntfsls', 'ntfscat')

function make(image: string, size: number, options: FormatOptions): void {
  const source = FileSource.createSync(image, size, { lock: false })
  try {
    Volume.format(source, options)
  } finally {
    source.closeSync()
  }
}

/** What a program prints, without the lines that name files, times and random numbers. */
function facts(text: Buffer): string[] {
  const volatile =
    /Time:|Name of device|Sequence|Seq\. Number|Last changed|instance|Instance|State|state|Length:|Bytes Used/
  return text
    .toString()
    .split('\n')
    .filter((line) => !volatile.test(line))
}

const SIZES: [string, number, FormatOptions][] = [
  ['the smallest volume', MIB + 512, {}],
  ['64 MiB', 64 * MIB, { label: 'Data \u00e9\u4e2d' }],
  ['8 GiB', 8192 * MIB, {}],
  ['clusters of 512 bytes', 20 * MIB, { clusterSize: 512 }],
  ['clusters of 64 KiB', 100 * MIB, { clusterSize: 65536 }],
  ['clusters of 2 MiB', 600 * MIB, { clusterSize: 2 * MIB }],
  ['sectors of 4096 bytes', 64 * MIB, { sectorSize: 4096 }],
  ['a partition that starts at 1 MiB', 64 * MIB, { partitionStart: 2048 }],
]

describe('format', () => {
  for (const [name, size, options] of SIZES) {
    test(`${name}: sound for our check`, () => {
      const source = new MemorySource(size, { blockSize: options.sectorSize ?? 512 })
      Volume.format(source, options)
      const result = check(source)
      assert.deepEqual(result.findings, [])
      const volume = Volume.open(source)
      assert.equal(volume.label, options.label ?? '')
      assert.equal(volume.space().freeClusters, volume.geometry.totalClusters - result.usedClusters)
    })

    test(`${name}: ntfsfix and ntfsinfo accept it`, { skip }, () => {
      withDirectory((directory) => {
        const image = join(directory, 'image')
        make(image, size, options)
        const fixed = succeed('ntfsfix', '-n', image).toString()
        assert.match(fixed, /processed successfully/)
        assert.doesNotMatch(fixed, /FAILED|error|mismatch/i)
        const info = succeed('ntfsinfo', '-m', image).toString()
        assert.match(info, /Volume Version: 3\.1/)
        assert.match(info, /Volume Flags: 0x0000/)
        if (options.label !== undefined) assert.ok(info.includes(`Volume Name: ${options.label}`), info)
      })
    })
  }

  test('the volume has the space, the places and the records of mkntfs', { skip }, () => {
    withDirectory((directory) => {
      const [ours, theirs] = [join(directory, 'ours'), join(directory, 'theirs')] as [string, string]
      make(ours, 64 * MIB, { label: 'L', partitionStart: 0, heads: 0, sectorsPerTrack: 0 })
      writeFileSync(theirs, '')
      truncateSync(theirs, 64 * MIB)
      succeed('mkntfs', '-F', '-Q', '-q', '-L', 'L', theirs)
      assert.deepEqual(facts(succeed('ntfsinfo', '-m', ours)), facts(succeed('ntfsinfo', '-m', theirs)))
      for (const record of [0, 1, 2, 6, 8, 9, 10, 11, 24, 25, 26]) {
        const [a, b] = [run('ntfsinfo', '-i', `${record}`, ours), run('ntfsinfo', '-i', `${record}`, theirs)]
        assert.deepEqual(facts(a.stdout), facts(b.stdout), `record ${record}`)
      }
      for (const file of ['$UpCase', '$AttrDef', '$LogFile', '$BadClus']) {
        assert.ok(succeed('ntfscat', ours, file).equals(succeed('ntfscat', theirs, file)), file)
      }
      const sources = [ours, theirs].map((path) => FileSource.openSync(path)) as [FileSource, FileSource]
      assert.equal(check(sources[0]).usedClusters, check(sources[1]).usedClusters)
      for (const source of sources) source.closeSync()
    })
  })

  test('equal options, serial and time give equal bytes', () => {
    const images = [0, 1].map(() => {
      const source = new MemorySource(4 * MIB)
      Volume.format(source, {
        serial: 0x1234_5678_9abc_def0n,
        time: fileTimeOfMs(1_700_000_000_000),
        label: 'x',
      })
      const bytes = new Uint8Array(source.size)
      source.readSync(0, bytes)
      return Buffer.from(bytes)
    }) as [Buffer, Buffer]
    assert.ok(images[0].equals(images[1]))
  })

  test('old contents of the source do not shine through', () => {
    const source = new MemorySource(4 * MIB)
    source.writeSync(0, new Uint8Array(source.size).fill(0xa5))
    Volume.format(source)
    assert.deepEqual(check(source).findings, [])
  })

  test('impossible options are refused', () => {
    const bad: [number, FormatOptions][] = [
      [MIB, {}],
      [64 * MIB, { clusterSize: 3000 }],
      [64 * MIB, { clusterSize: 256 }],
      [64 * MIB, { clusterSize: 4 * MIB }],
      [64 * MIB, { sectorSize: 256 }],
      [64 * MIB, { recordSize: 512 }],
      [64 * MIB, { heads: 70_000 }],
      [64 * MIB, { label: 'x'.repeat(129) }],
    ]
    for (const [size, options] of bad) {
      assert.throws(
        () => Volume.format(new MemorySource(size), options),
        (error: DiskError) => error.code === 'EINVAL',
        JSON.stringify(options),
      )
    }
  })
})
