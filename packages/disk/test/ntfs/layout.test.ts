import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DiskError } from '../../src/error.js'
import { setU16, setU48, setU64, u16, u48, u64 } from '../../src/ntfs/layout/bytes.js'
import { fileTimeOfMs, fileTimeOfNs, msOfFileTime, nsOfFileTime } from '../../src/ntfs/layout/filetime.js'
import { applyFixups, removeFixups } from '../../src/ntfs/layout/fixup.js'
import { lznt1Compress, lznt1Decompress } from '../../src/ntfs/layout/lznt1.js'
import {
  encodeMappingPairs,
  mappingPairsSize,
  readMappingPairs,
} from '../../src/ntfs/layout/mapping-pairs.js'
import { HOLE, Runlist } from '../../src/ntfs/layout/runlist.js'
import { encodeSecurityDescriptor, Sid, securityHash } from '../../src/ntfs/layout/security-descriptor.js'
import { standardUpcase } from '../../src/ntfs/layout/upcase.js'
import { attributeDefinitions } from '../../src/ntfs/mkfs/attribute-definitions.js'

const LIMITS = { totalClusters: 2 ** 40, clustersMax: 2 ** 41 }

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('data of the format', () => {
  test('$UpCase is the table of Windows and mkntfs', () => {
    const bytes = new Uint8Array(131072)
    standardUpcase().forEach((unit, index) => {
      setU16(bytes, 2 * index, unit)
    })
    assert.equal(sha256(bytes), '41c26bc7a12bdaeb26025c93118697c7e3ef81ee048b00fe5cce2a472e0e0742')
  })

  test('$AttrDef is the table of Windows and mkntfs', () => {
    const hash = sha256(attributeDefinitions())
    assert.equal(hash, 'd7de5b1b2f79f45f235ceb1adbc46908ed64eae174eb90ed66aefe5f25165da3')
  })

  test('descriptor 256 of $Secure has the bytes and the hash that mkntfs writes', () => {
    const descriptor = encodeSecurityDescriptor(Sid.ADMINISTRATORS, Sid.ADMINISTRATORS, [
      { sid: Sid.SYSTEM, mask: 0x12_0089, flags: 0 },
      { sid: Sid.ADMINISTRATORS, mask: 0x12_0089, flags: 0 },
    ])
    assert.equal(
      Buffer.from(descriptor).toString('hex'),
      '010004804800000058000000000000001400000002003400020000000000140089001200010100000000000512000000' +
        '000018008900120001020000000000052000000020020000' +
        '01020000000000052000000020020000' +
        '01020000000000052000000020020000',
    )
    assert.equal(securityHash(descriptor), 0xf803_12f0)
  })
})

describe('integers', () => {
  test('round trips of 48 and 64 bits', () => {
    const b = new Uint8Array(8)
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        setU64(b, 0, value)
        assert.equal(u64(b, 0), value)
        setU48(b, 0, value % 2 ** 48)
        assert.equal(u48(b, 0), value % 2 ** 48)
      }),
    )
  })

  test('file times keep 100 ns and clamp at the ends', () => {
    assert.equal(fileTimeOfMs(0), 116_444_736_000_000_000n)
    assert.equal(nsOfFileTime(fileTimeOfNs(1_234_567_890_123_456_700n)), 1_234_567_890_123_456_700n)
    assert.equal(msOfFileTime(fileTimeOfMs(1_700_000_000_123)), 1_700_000_000_123)
    assert.equal(fileTimeOfMs(-1e15), 0n)
    assert.equal(nsOfFileTime(fileTimeOfNs(-150n)), -200n)
  })
})

describe('fixups', () => {
  test('are put on and taken off', () => {
    const record = new Uint8Array(1024).map((_, i) => (i < 0x38 ? 0 : i))
    const before = record.slice()
    applyFixups(record, 0x30, 7)
    assert.equal(u16(record, 510), 7)
    assert.equal(removeFixups(record, 0, 'a test record'), 7)
    assert.deepEqual(record.subarray(0x38), before.subarray(0x38))
  })

  test('a torn write is found at its byte', () => {
    const record = new Uint8Array(1024)
    applyFixups(record, 0x30, 7)
    setU16(record, 1022, 6)
    assert.throws(
      () => removeFixups(record, 4096, 'a test record'),
      (error: DiskError) =>
        error.code === 'EUCLEAN' &&
        error.position === 4096 + 1022 &&
        error.expected === 7 &&
        error.actual === 6,
    )
  })
})

const arbitraryRuns = fc.array(
  fc.record({
    lcn: fc.oneof(fc.constant(HOLE), fc.integer({ min: 0, max: 2 ** 31 })),
    length: fc.integer({ min: 1, max: 2 ** 20 }),
  }),
  { maxLength: 60 },
)

function runlist(parts: readonly { lcn: number; length: number }[]): Runlist {
  const runs = new Runlist()
  for (const { lcn, length } of parts) runs.append(lcn, length)
  return runs
}

describe('runlists', () => {
  test('mapping pairs round trip, also cut into extents of any size', () => {
    fc.assert(
      fc.property(arbitraryRuns, fc.integer({ min: 24, max: 200 }), (parts, room) => {
        const runs = runlist(parts)
        const read = new Runlist()
        for (let vcn = 0; vcn < runs.clusters; ) {
          const { bytes, nextVcn } = encodeMappingPairs(runs, vcn, room)
          assert.ok(bytes.length <= room && nextVcn > vcn)
          readMappingPairs(bytes, 0, bytes.length, read, LIMITS, 0)
          assert.equal(read.clusters, nextVcn)
          vcn = nextVcn
        }
        assert.deepEqual([...read], [...runs])
        assert.equal(mappingPairsSize(runs, 1e9), encodeMappingPairs(runs, 0, 1e9).bytes.length)
      }),
    )
  })

  test('replace and truncate act as on an array of clusters', () => {
    const change = fc.record({
      at: fc.nat(200),
      length: fc.integer({ min: 1, max: 60 }),
      lcn: fc.oneof(fc.constant(HOLE), fc.nat(5000)),
    })
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), fc.nat(300), (changes, end) => {
        const runs = runlist([{ lcn: 1000, length: 300 }])
        const plain = Array.from({ length: 300 }, (_, i) => 1000 + i)
        for (const { at, length, lcn } of changes) {
          const freed = runs.replace(at, lcn, length).reduce((sum, run) => sum + run.length, 0)
          const old = plain.slice(at, at + length).filter((cluster) => cluster !== HOLE).length
          assert.equal(freed, old)
          for (let i = 0; i < length; i++) plain[at + i] = lcn === HOLE ? HOLE : lcn + i
        }
        runs.truncate(end)
        plain.length = end
        const found: number[] = []
        let last = { lcn: -5, length: 0 }
        for (const run of runs) {
          if (run.lcn !== HOLE) assert.notEqual(last.lcn + last.length, run.lcn, 'neighbours are merged')
          for (let i = 0; i < run.length; i++) found.push(run.lcn === HOLE ? HOLE : run.lcn + i)
          last = run.lcn === HOLE ? { lcn: -5, length: 0 } : run
        }
        assert.deepEqual(found, plain)
      }),
    )
  })

  test('hostile mapping pairs are refused with their position', () => {
    const cases: [number[], number][] = [
      [[0x11, 0x10], 0],
      [[0x11, 0x00, 0x05, 0], 1],
      [[0x11, 0xff, 0x05, 0], 1],
      [[0x91, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0],
      [[0x11, 0x01, 0x80, 0], 2],
      [[0x18, 1, 0, 0, 0, 0, 0, 0, 0x70, 1, 0], 1],
      [[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x70, 0], 2],
      [[0x11, 0x01, 0x01], 3],
    ]
    for (const [bytes, position] of cases) {
      assert.throws(
        () => readMappingPairs(Uint8Array.from(bytes), 0, bytes.length, new Runlist(), LIMITS, 0),
        (error: DiskError) =>
          error instanceof DiskError && error.code === 'EUCLEAN' && error.position === position,
        bytes.join(),
      )
    }
  })
})

describe('LZNT1', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 5 }), fc.nat(2000)).map(([unit, times]) => {
        return Uint8Array.from({ length: unit.length * times }, (_, i) => unit[i % unit.length] as number)
      }),
    ),
    { maxLength: 12 },
  )

  test('round trips', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const plain = Buffer.concat(parts)
        const packed = lznt1Compress(plain, 2 * plain.length + 16)
        assert.ok(packed !== null)
        const back = new Uint8Array(plain.length)
        lznt1Decompress(packed, back, 0)
        assert.ok(plain.equals(back))
      }),
    )
  })

  test('expands a known chunk', () => {
    // A literal, then a phrase of length 12 + 3 at distance 1: what follows the chunk is zeros.
    const chunk = Uint8Array.from([0x04, 0xb0, 0x02, 0x61, 0x0c, 0x00, 0x00, 0x00])
    const plain = new Uint8Array(32)
    lznt1Decompress(chunk, plain, 0)
    assert.equal(Buffer.from(plain).toString('latin1'), 'a'.repeat(16) + '\0'.repeat(16))
  })

  test('refuses a distance before the start and a chunk behind the end', () => {
    const bad = [
      [0x03, 0xb0, 0x01, 0x00, 0x10, 0x00],
      [0xff, 0xbf, 0x00, 0x61],
    ]
    for (const bytes of bad) {
      assert.throws(() => lznt1Decompress(Uint8Array.from(bytes), new Uint8Array(4096), 0), DiskError)
    }
  })

  test('random input never does more than fail', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          lznt1Decompress(bytes, new Uint8Array(65536), 0)
        } catch (error) {
          assert.ok(error instanceof DiskError)
        }
      }),
    )
  })
})
