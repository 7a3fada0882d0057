import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import {
  type BlockSource,
  detectFormat,
  FileSource,
  MemorySource,
  openImageSync,
  Qcow2Source,
  VhdSource,
  VhdxSource,
} from '../../src/index.js'
import { crc32c } from '../../src/source/crc32c.js'
import { BytesSource, coded, must, random, scratch, survives, without } from '../support/tools.js'

const dir = scratch('images')
const skip = without('qemu-img', 'qemu-io')
const SIZE = 12 << 20

/** Text-like, random and empty stretches at odd places, so that every kind of cluster occurs. */
function content(): Uint8Array {
  const bytes = new Uint8Array(SIZE)
  const next = random(5)
  for (let at = 0; at < 300_000; at++) bytes[at + 70_001] = next() * 256
  for (let at = 0; at < 1_500_000; at++) bytes[at + 3_000_003] = 65 + ((at >> 4) % 26)
  bytes[SIZE - 1] = 77
  bytes.fill(1, 9 << 20, (9 << 20) + 512)
  return bytes
}

const raw = join(dir, 'raw.img')
const expected = content()
fs.writeFileSync(raw, expected)

async function sameBytes(source: BlockSource, bytes: Uint8Array = expected): Promise<void> {
  assert.equal(source.size, bytes.length)
  const back = new Uint8Array(bytes.length)
  source.readSync(0, back)
  assert.equal(Buffer.compare(back, bytes), 0, 'the whole, at once')
  back.fill(0xee)
  const next = random(9)
  const reads: Promise<void>[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, 1 + Math.floor(next() * 100_000))
    reads.push(source.read(at, back, at, length))
    at += length
  }
  await Promise.all(reads)
  assert.equal(Buffer.compare(back, bytes), 0, 'in pieces, at the same time')
}

let serial = 0
function convert(format: string, ...options: string[]): string {
  const path = join(dir, `${++serial}.${format}`)
  must('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, raw, path])
  return path
}

describe('images made by qemu-img read back as the same bytes', { skip }, () => {
  const makes: [string, string, string[]][] = [
    ['qcow2', 'qcow2', []],
    ['qcow2 version 2', 'qcow2', ['-o', 'compat=0.10']],
    ['qcow2 compressed', 'qcow2', ['-c']],
    ['qcow2 compressed, version 2', 'qcow2', ['-c', '-o', 'compat=0.10']],
    ['qcow2, clusters of 512', 'qcow2', ['-o', 'cluster_size=512']],
    ['qcow2, clusters of 2 MiB, compressed', 'qcow2', ['-c', '-o', 'cluster_size=2M']],
    ['qcow2, clusters of 4 KiB, compressed', 'qcow2', ['-c', '-o', 'cluster_size=4096']],
    ['qcow2 with subclusters', 'qcow2', ['-o', 'extended_l2=on,cluster_size=64k']],
    ['qcow2 preallocated', 'qcow2', ['-o', 'preallocation=metadata']],
    ['VHD dynamic', 'vpc', ['-o', 'subformat=dynamic,force_size=on']],
    ['VHD fixed', 'vpc', ['-o', 'subformat=fixed,force_size=on']],
    ['VHDX dynamic', 'vhdx', ['-o', 'subformat=dynamic']],
    ['VHDX dynamic, blocks of 1 MiB', 'vhdx', ['-o', 'subformat=dynamic,block_size=1M']],
    ['VHDX fixed', 'vhdx', ['-o', 'subformat=fixed']],
  ]
  for (const [name, format, options] of makes) {
    it(name, async () => {
      const source = openImageSync(convert(format, ...options))
      assert.equal(source.readOnly, true)
      await sameBytes(source)
      assert.throws(() => source.writeSync(0, new Uint8Array(1)), coded('EROFS'))
      source.closeSync()
    })
  }

  it('raw, which is also written', () => {
    const path = convert('raw')
    assert.equal(detectFormat(FileSource.openSync(path)), 'raw')
    const source = openImageSync(path, { mode: 'r+' })
    source.writeSync(0, Uint8Array.of(9))
    source.closeSync()
    assert.equal(fs.readFileSync(path)[0], 9)
  })

  it('the size in sectors that is no multiple of a cluster', async () => {
    const odd = join(dir, 'odd.img')
    fs.writeFileSync(odd, expected.subarray(0, 70_144))
    for (const format of ['qcow2', 'vhdx']) {
      const path = join(dir, `odd.${format}`)
      must('qemu-img', ['convert', '-f', 'raw', '-O', format, odd, path])
      await sameBytes(openImageSync(path), expected.subarray(0, 70_144))
    }
  })
})

describe('qcow2 changed by qemu-io', { skip }, () => {
  /** Writes in a guest's way, and says what the guest then reads. */
  function guest(path: string, commands: string[]): Uint8Array {
    must('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), path])
    const out = `${path}.out`
    must('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, out])
    return fs.readFileSync(out)
  }
  const commands = [
    'write -P 7 1M 300k',
    'write -z 3M 128k',
    'discard 70k 200k',
    'write -P 8 3100k 1k',
    'write -z 9M 1k',
    'write -P 1 12582900 5',
  ]

  it('zero clusters, discarded ones, partial writes', async () => {
    const path = convert('qcow2')
    const seen = guest(path, [...commands.slice(0, 5)])
    await sameBytes(openImageSync(path), seen)
  })

  it('subclusters', async () => {
    const path = convert('qcow2', '-o', 'extended_l2=on,cluster_size=32k')
    const seen = guest(path, [...commands.slice(0, 5), 'write -P 3 11M 1k', 'write -z 11265k 1k'])
    await sameBytes(openImageSync(path), seen)
  })

  it('a smaller backing file in the same folder, found by its relative name', async () => {
    const base = join(dir, 'base.qcow2')
    must('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', '-c', raw, base])
    const path = join(dir, 'top.qcow2')
    must('qemu-img', ['create', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2', path, '16M'])
    const seen = guest(path, ['write -P 9 5M 100k', 'write -z 100k 64k', 'write -P 2 13M 1k'])
    await sameBytes(openImageSync(path), seen)
  })

  it('an external data file', async () => {
    const path = join(dir, 'ext.qcow2')
    const data = join(dir, 'ext.data')
    must('qemu-img', ['create', '-f', 'qcow2', '-o', `data_file=${data}`, path, `${SIZE}`])
    const seen = guest(path, ['write -P 4 0 64k', 'write -P 9 5M 100k', 'write -z 100k 64k'])
    await sameBytes(openImageSync(path), seen)
  })

  it('refuses a backing file outside of the folder, unless told otherwise', () => {
    fs.mkdirSync(join(dir, 'inner'))
    const path = join(dir, 'inner', 'top.qcow2')
    must('qemu-img', ['create', '-f', 'qcow2', '-F', 'raw', '-b', raw, path])
    assert.throws(() => openImageSync(path), coded('EACCES'))
    assert.throws(() => openImageSync(path, { backing: 'none' }), coded('EACCES'))
    openImageSync(path, { backing: 'any' }).closeSync()
    assert.throws(() => new Qcow2Source(FileSource.openSync(path)), coded('EINVAL'))
  })

  it('ends a loop of backing files', () => {
    const path = join(dir, 'loop.qcow2')
    must('qemu-img', ['create', '-f', 'qcow2', '-u', '-F', 'qcow2', '-b', 'loop.qcow2', path, '1M'])
    assert.throws(() => openImageSync(path), coded('ELOOP'))
  })

  it('refuses encryption and zstd', () => {
    const locked = fs.readFileSync(convert('qcow2'))
    locked.writeUInt32BE(2, 32)
    assert.throws(() => new Qcow2Source(new BytesSource(locked)), coded('ENOTSUP'))
    must('qemu-img', ['create', '-f', 'qcow2', '-o', 'compression_type=zstd', join(dir, 'zstd'), '1M'])
    assert.throws(() => openImageSync(join(dir, 'zstd')), coded('ENOTSUP'))
  })
})

describe('VHD', { skip }, () => {
  it('a dynamic disk whose end was cut is read by the footer at its start', async () => {
    const path = convert('vpc', '-o', 'subformat=dynamic,force_size=on')
    fs.truncateSync(path, fs.statSync(path).size - 512)
    await sameBytes(openImageSync(path))
  })

  it('refuses a differencing disk', () => {
    const bytes = fs.readFileSync(convert('vpc', '-o', 'subformat=dynamic,force_size=on'))
    const footer = bytes.subarray(bytes.length - 512)
    // The type goes from 3 to 4, the one's complement of the sum down by one.
    footer.writeUInt32BE(4, 60)
    footer.writeUInt32BE(footer.readUInt32BE(64) - 1, 64)
    assert.throws(() => new VhdSource(new BytesSource(bytes)), coded('ENOTSUP'))
  })

  it('a sector whose bit is clear reads as zeros', () => {
    const path = convert('vpc', '-o', 'subformat=dynamic,force_size=on')
    const bytes = fs.readFileSync(path)
    const table = Number(bytes.readBigUInt64BE(512 + 16))
    const bitmap = bytes.readUInt32BE(table) * 512
    // The 70,001st byte is in sector 136; its bit is the first of byte 17.
    bytes[bitmap + 17] = 0x7f
    const source = new VhdSource(MemorySource.from(bytes))
    const back = new Uint8Array(1536)
    source.readSync(135 * 512, back)
    assert.deepEqual(back.subarray(512, 1024), new Uint8Array(512))
    assert.deepEqual(Buffer.from(back.subarray(1024)), Buffer.from(expected.subarray(137 * 512, 138 * 512)))
  })
})

describe('VHDX', { skip }, () => {
  const guid = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
  const seal = (bytes: Buffer) => bytes.writeUInt32LE(crc32c(bytes, 4), 4)

  /** A log entry that writes `sectors` (position, content), as a writer leaves it before it writes them in place. */
  function logEntry(
    sequence: number,
    tail: number,
    fileSize: number,
    sectors: [number, Uint8Array | number][],
  ): Buffer {
    const data = sectors.filter((sector): sector is [number, Uint8Array] => typeof sector[1] !== 'number')
    const entry = Buffer.alloc(4096 * (1 + data.length))
    entry.write('loge', 0, 'latin1')
    entry.writeUInt32LE(entry.length, 8)
    entry.writeUInt32LE(tail, 12)
    entry.writeBigUInt64LE(BigInt(sequence), 16)
    entry.writeUInt32LE(sectors.length, 24)
    entry.set(guid, 32)
    entry.writeBigUInt64LE(BigInt(fileSize), 48)
    entry.writeBigUInt64LE(BigInt(fileSize), 56)
    for (const [i, [position, bytes]] of sectors.entries()) {
      const at = 64 + i * 32
      entry.write(typeof bytes === 'number' ? 'zero' : 'desc', at, 'latin1')
      if (typeof bytes === 'number') entry.writeBigUInt64LE(BigInt(bytes), at + 8)
      else {
        entry.set(bytes.subarray(4092), at + 4)
        entry.set(bytes.subarray(0, 8), at + 8)
      }
      entry.writeBigUInt64LE(BigInt(position), at + 16)
      entry.writeBigUInt64LE(BigInt(sequence), at + 24)
    }
    for (const [i, [, bytes]] of data.entries()) {
      const at = 4096 * (i + 1)
      entry.set(bytes.subarray(8, 4092), at + 8)
      entry.write('data', at, 'latin1')
      entry.writeUInt32LE(sequence, at + 4092)
    }
    seal(entry)
    return entry
  }

  /** Damages a clean image in a way that its log heals. */
  function unclean(path: string, logStart: number): Buffer {
    const bytes = fs.readFileSync(path)
    const log = Number(bytes.readBigUInt64LE(0x10000 + 72))
    const region = [0, 1].find((i) => bytes.readUInt32LE(0x30000 + 16 + i * 32) === 0x2dc27766) ?? -1
    const table = Number(bytes.readBigUInt64LE(0x30000 + 16 + region * 32 + 16))
    const good = Buffer.from(bytes.subarray(table, table + 4096))
    bytes.fill(0xee, table, table + 4096)
    const length = bytes.readUInt32LE(0x10000 + 68)
    const put = (entry: Buffer, at: number) => {
      for (let i = 0; i < entry.length; i++) bytes[log + ((at + i) % length)] = entry[i] ?? 0
    }
    // An older entry that must not win, and two that belong together.
    put(logEntry(3, 65536, bytes.length, [[table, new Uint8Array(4096).fill(1)]]), 65536)
    const first = logEntry(7, logStart, bytes.length, [[table, new Uint8Array(4096).fill(2)]])
    put(first, logStart)
    put(
      logEntry(8, logStart, bytes.length, [
        [table, good],
        [table + 4096, 4096],
      ]),
      (logStart + first.length) % length,
    )
    for (const at of [0x10000, 0x20000]) {
      bytes.set(guid, at + 48)
      seal(bytes.subarray(at, at + 4096))
    }
    return bytes
  }

  it('sums as RFC 3720 says', () => assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283))

  for (const start of [0, (1 << 20) - 4096]) {
    it(`a log that was not replayed is replayed in memory, as qemu does (log from ${start})`, async () => {
      const path = convert('vhdx', '-o', 'block_size=1M')
      const bytes = unclean(path, start)
      fs.writeFileSync(path, bytes)
      await sameBytes(openImageSync(path))
      assert.equal(Buffer.compare(fs.readFileSync(path), bytes), 0, 'the file is untouched')
      must('qemu-img', ['check', '-r', 'all', path])
      const out = `${path}.raw`
      must('qemu-img', ['convert', '-f', 'vhdx', '-O', 'raw', path, out])
      assert.equal(Buffer.compare(fs.readFileSync(out), expected), 0, 'qemu reads the same after its replay')
    })
  }

  it('refuses a differencing image', () => {
    const bytes = fs.readFileSync(convert('vhdx'))
    // The item "file parameters": block size, then flags, of which bit 1 says "has a parent".
    const guid = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex')
    const entry = bytes.indexOf(guid)
    const table = bytes.lastIndexOf('metadata', entry)
    const item = table + bytes.readUInt32LE(entry + 16)
    bytes[item + 4] = 2
    assert.throws(() => new VhdxSource(new BytesSource(bytes)), coded('ENOTSUP'))
  })

  it('a hostile log gives bytes or a clear error', () => {
    const image = unclean(convert('vhdx', '-o', 'block_size=1M'), 0)
    const log = Number(image.readBigUInt64LE(0x10000 + 72))
    const next = random(3)
    for (let round = 0; round < 200; round++) {
      const entry = image.subarray(log, log + 8192)
      const at = 8 + Math.floor(next() * 130)
      const old = entry[at] ?? 0
      entry[at] = Math.floor(next() * 256)
      seal(entry)
      const work = () => new VhdxSource(new BytesSource(image)).readSync(0, new Uint8Array(70_000))
      survives(work, `seed 3 round ${round}: log byte ${at} = ${entry[at]}`)
      entry[at] = old
    }
  })
})

describe('hostile images', { skip }, () => {
  const small = join(dir, 'small.img')
  fs.writeFileSync(small, expected.subarray(0, 2 << 20))
  const make = (format: string, ...options: string[]) => {
    const path = join(dir, `small${++serial}.${format}`)
    must('qemu-img', ['convert', '-f', 'raw', '-O', format, ...options, small, path])
    return fs.readFileSync(path)
  }
  const cases: Record<string, { bytes: () => Buffer; open: (file: BlockSource) => BlockSource }> = {
    qcow2: {
      bytes: () => make('qcow2', '-c', '-o', 'cluster_size=4096'),
      open: (file) => new Qcow2Source(file),
    },
    'qcow2 with subclusters': {
      bytes: () => make('qcow2', '-o', 'extended_l2=on,cluster_size=16k'),
      open: (file) => new Qcow2Source(file),
    },
    vhd: {
      bytes: () => make('vpc', '-o', 'subformat=dynamic,force_size=on'),
      open: (file) => new VhdSource(file),
    },
    vhdx: { bytes: () => make('vhdx', '-o', 'block_size=1M'), open: (file) => new VhdxSource(file) },
  }
  const probe = new Uint8Array(65536)
  const readSome = (source: BlockSource) => {
    const most = Math.min(source.size, 4 << 20)
    for (let at = 0; at < most; at += 3 * probe.length) {
      source.readSync(at, probe, 0, Math.min(probe.length, source.size - at))
    }
    const tail = Math.min(source.size, 4096)
    source.readSync(source.size - tail, probe, 0, tail)
  }

  for (const [name, { bytes, open }] of Object.entries(cases)) {
    it(`${name}: every changed byte and every cut gives bytes or a clear error`, () => {
      const image = bytes()
      // Checksums would keep most changes from being looked at, so fields behind them are changed below them too.
      const used: number[] = []
      for (let at = 0; at < image.length; at++)
        if (image[at] !== 0 && used[used.length - 1] !== at - 1) used.push(at)
      const next = random(77)
      for (let round = 0; round < 250; round++) {
        const at = (used[Math.floor(next() * used.length * next())] ?? 0) + Math.floor(next() * 8)
        const old = image[at] ?? 0
        const value =
          next() < 0.5 ? old ^ (1 << Math.floor(next() * 8)) : [0, 0xff, 0x7f, 0x80][Math.floor(next() * 4)]
        image[at] = value ?? 0
        survives(
          () => readSome(open(new BytesSource(image))),
          `seed 77 round ${round}: byte ${at} = ${value}`,
        )
        image[at] = old
      }
      for (let cut = 0; cut < 40; cut++) {
        const length = cut < 20 ? cut * 64 : Math.floor(next() * image.length)
        survives(() => readSome(open(new BytesSource(image.subarray(0, length)))), `cut at ${length}`)
      }
    })
  }
})
