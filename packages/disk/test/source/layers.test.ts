import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type BlockSource,
  CacheSource,
  DiskError,
  FileSource,
  MemorySource,
  OverlaySource,
  SliceSource,
} from '../../src/index.js'
import { BaseSource } from '../../src/source/base.js'

const SIZE = 200_000
let dir = ''
before(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'fusewire-layers-'))
})
after(() => fs.rmSync(dir, { recursive: true, force: true }))

function filler(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (i * 7 + (i >> 8)) & 255
  return bytes
}

/** A deepEqual that is quick where nothing differs. */
function same(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) !== 0) assert.deepEqual(actual, expected)
}

/** Each makes a source of SIZE bytes that starts with `filler(SIZE)`. */
const stacks: Record<string, () => BlockSource> = {
  memory: () => MemorySource.from(filler(SIZE)),
  file: () => {
    const path = join(dir, `f${Math.random()}`)
    fs.writeFileSync(path, filler(SIZE))
    return FileSource.openSync(path, { mode: 'r+' })
  },
  slice: () => {
    const whole = new MemorySource(SIZE + 5000)
    whole.writeSync(1536, filler(SIZE))
    return new SliceSource(whole, 1536, SIZE)
  },
  overlay: () => new OverlaySource(MemorySource.from(filler(SIZE), { readOnly: true })),
  'overlay with small granules': () => new OverlaySource(MemorySource.from(filler(SIZE)), { granule: 512 }),
  'small cache': () => new CacheSource(MemorySource.from(filler(SIZE)), { unit: 1024, limit: 8192 }),
  'large cache': () => new CacheSource(MemorySource.from(filler(SIZE))),
  'cache over overlay over slice over cache': () => {
    const whole = new CacheSource(new MemorySource(SIZE + 5000), { unit: 512, limit: 4096 })
    whole.writeSync(700, filler(SIZE))
    const slice = new SliceSource(whole, 700, SIZE, { ownsBase: true })
    return new CacheSource(new OverlaySource(slice, { granule: 2048 }), { unit: 4096, limit: 16384 })
  },
}

type Op =
  | { kind: 'read' | 'write' | 'discard'; at: number; length: number; later: boolean }
  | { kind: 'flush' | 'barrier'; later: boolean }

const opArbitrary: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        kind: fc.constantFrom('read', 'write', 'write', 'discard' as const),
        at: fc.nat(SIZE),
        length: fc.oneof(fc.nat(700), fc.nat(30_000)),
        later: fc.boolean(),
      })
      .map((op) => ({ ...op, length: Math.min(op.length, SIZE - op.at) }) as Op),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('flush', 'barrier' as const), later: fc.boolean() }),
  },
)

async function perform(source: BlockSource, model: Uint8Array, op: Op, step: number): Promise<void> {
  if (!('at' in op)) {
    if (op.kind === 'barrier') return source instanceof CacheSource ? source.barrier() : undefined
    return op.later ? source.flush() : source.flushSync()
  }
  const { at, length } = op
  if (op.kind === 'write') {
    const bytes = Uint8Array.from({ length }, (_, i) => (i + step * 13) & 255)
    model.set(bytes, at)
    return op.later ? source.write(at, bytes) : source.writeSync(at, bytes)
  }
  const back = new Uint8Array(length + 3)
  if (op.kind === 'discard') {
    if (op.later) await source.discard(at, length)
    else source.discardSync(at, length)
    // Settles what the discarded range reads as, because advice may be taken later too.
    return source.writeSync(at, model, at, length)
  }
  if (op.later) await source.read(at, back, 1, length)
  else source.readSync(at, back, 1, length)
  same(back.subarray(1, length + 1), model.subarray(at, at + length))
  assert.equal(back[0], 0)
  assert.equal(back[length + 1], 0)
}

describe('every stack of sources behaves as an array of bytes', () => {
  for (const [name, make] of Object.entries(stacks)) {
    it(name, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(opArbitrary, { maxLength: 40 }), async (ops) => {
          const source = make()
          const model = filler(SIZE)
          for (const [step, op] of ops.entries()) await perform(source, model, op, step)
          const all = new Uint8Array(SIZE)
          await source.read(0, all)
          same(all, model)
          await source.close()
        }),
        { numRuns: 40, verbose: 1 },
      )
    })

    it(`${name}: reads and writes of different bytes may run at the same time`, async () => {
      const source = make()
      const model = filler(SIZE)
      const step = 777
      const work: Promise<void>[] = []
      for (let at = 0, i = 0; at + step <= SIZE; at += step, i++) {
        const bytes = new Uint8Array(step).fill(i)
        if (i % 3 === 0) {
          const expected = model.slice(at, at + step)
          work.push(source.read(at, bytes).then(() => assert.deepEqual(bytes, expected)))
        } else {
          model.set(bytes, at)
          work.push(source.write(at, bytes))
        }
      }
      await Promise.all(work)
      const all = new Uint8Array(SIZE)
      source.readSync(0, all)
      assert.deepEqual(all, model)
      source.closeSync()
    })
  }
})

describe('OverlaySource', () => {
  it('leaves its base untouched and lists what differs', () => {
    const base = MemorySource.from(filler(SIZE), { readOnly: true })
    const overlay = new OverlaySource(base, { ownsBase: false })
    overlay.writeSync(5000, new Uint8Array(10))
    overlay.writeSync(SIZE - 1, new Uint8Array(1))
    assert.deepEqual(
      [...overlay.changes()],
      [
        { position: 4096, length: 4096 },
        { position: 196608, length: SIZE - 196608 },
      ],
    )
    const back = new Uint8Array(SIZE)
    base.readSync(0, back)
    assert.deepEqual(back, filler(SIZE))
    overlay.revert()
    overlay.readSync(0, back)
    assert.deepEqual(back, filler(SIZE))
    assert.deepEqual([...overlay.changes()], [])
  })

  it('refuses a top that cannot take the changes', () => {
    const base = new MemorySource(8192)
    for (const top of [new MemorySource(4096), new MemorySource(8192, { readOnly: true })]) {
      assert.throws(() => new OverlaySource(base, { top }), DiskError)
    }
  })
})

/** Remembers what reached it: the present bytes, the bytes at the last flush, and can fail on demand. */
class Recorder extends BaseSource {
  readonly now = new Uint8Array(SIZE)
  durable = new Uint8Array(SIZE)
  writes = 0
  failing = false
  onWrite: () => void = () => {}

  constructor() {
    super(SIZE, 512, false)
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    buffer.set(this.now.subarray(position, position + length), offset)
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    if (this.failing) throw new DiskError('EIO', 'a medium that fails', { position })
    this.now.set(buffer.subarray(offset, offset + length), position)
    this.writes++
    this.onWrite()
  }

  protected override doFlush(): void {
    this.durable = this.now.slice()
  }

  protected override doDiscard(position: number, length: number): void {
    this.now.fill(0, position, position + length)
    this.onWrite()
  }
}

describe('CacheSource', () => {
  it('nothing written after a barrier reaches the medium before all that was written ahead of it is durable', () => {
    fc.assert(
      fc.property(fc.array(opArbitrary, { maxLength: 120 }), (ops) => {
        const medium = new Recorder()
        const cache = new CacheSource(medium, { unit: 512, limit: 8192 })
        // The program's view at the end of each epoch, the bytes each epoch wrote, and the epoch of each written value.
        const states: Uint8Array[] = [new Uint8Array(SIZE)]
        const model = new Uint8Array(SIZE)
        let value = 0
        let touched = new Uint8Array(SIZE)
        const touchedBy: Uint8Array[] = [touched]
        const writer = new Map<number, number>([[0, 0]])
        medium.onWrite = () => {
          // The newest epoch of which a byte is on the medium.
          let newest = 0
          for (const byte of medium.now) newest = Math.max(newest, writer.get(byte) ?? 0)
          const before = states[newest] as Uint8Array
          const own = touchedBy[newest] as Uint8Array
          for (let i = 0; i < SIZE; i++) {
            if (own[i] === 0 && medium.durable[i] !== before[i]) assert.fail(`byte ${i} is not durable yet`)
          }
        }
        for (const op of ops) {
          if (op.kind === 'barrier' || op.kind === 'flush') {
            if (op.kind === 'barrier') cache.barrier()
            else continue
            states.push(model.slice())
            touched = new Uint8Array(SIZE)
            touchedBy.push(touched)
          } else if (op.kind === 'write' && value < 255) {
            writer.set(++value, states.length - 1)
            const length = Math.min(op.length, 3000)
            model.fill(value, op.at, op.at + length)
            touched.fill(1, op.at, op.at + length)
            cache.writeSync(op.at, new Uint8Array(length).fill(value))
          }
        }
        cache.flushSync()
        assert.deepEqual(medium.durable, model)
      }),
      { numRuns: 25, verbose: 1 },
    )
  })

  it('holds back writes, merges neighbours, and keeps its limit', () => {
    const medium = new Recorder()
    const cache = new CacheSource(medium, { unit: 1024, limit: 65536 })
    for (let at = 0; at < 32768; at += 256) cache.writeSync(at, new Uint8Array(256).fill(1))
    assert.equal(medium.writes, 0)
    assert.deepEqual(cache.usage, { cached: 32768, unwritten: 32768 })
    cache.flushSync()
    assert.equal(medium.writes, 1)
    for (let at = 0; at < SIZE - 256; at += 256) {
      cache.writeSync(at, new Uint8Array(256).fill(2))
      assert.ok(cache.usage.cached <= 65536)
    }
  })

  it('loses nothing when the medium fails for a while', () => {
    const medium = new Recorder()
    const cache = new CacheSource(medium, { unit: 1024, limit: 65536 })
    cache.writeSync(100, new Uint8Array(5000).fill(9))
    medium.failing = true
    assert.throws(() => cache.flushSync(), DiskError)
    medium.failing = false
    cache.flushSync()
    assert.deepEqual(medium.durable.subarray(100, 5100), new Uint8Array(5000).fill(9))
  })

  it('a slow read sees what left the cache meanwhile', async () => {
    for (const length of [1024, 40_000]) {
      const cache = new CacheSource(new Recorder(), { unit: 1024, limit: 65536 })
      cache.writeSync(1000, new Uint8Array(10).fill(7))
      const back = new Uint8Array(length)
      const reading = cache.read(500, back)
      for (let at = 60_000; at < SIZE - 10; at += 1024) cache.writeSync(at, new Uint8Array(10))
      assert.equal(cache.usage.cached, 65536)
      await reading
      assert.deepEqual(back.subarray(500, 510), new Uint8Array(10).fill(7))
    }
  })

  it('a write too large for the cache does not overtake what was written before a barrier', () => {
    const medium = new Recorder()
    const cache = new CacheSource(medium, { unit: 1024, limit: 65536 })
    cache.writeSync(100, Uint8Array.of(1))
    cache.barrier()
    let seen = 0
    medium.onWrite = () => {
      if (medium.now[50_000] === 2) seen = medium.durable[100] ?? 0
    }
    cache.writeSync(40_000, new Uint8Array(30_000).fill(2))
    cache.flushSync()
    assert.equal(seen, 1)
    assert.deepEqual(medium.durable.subarray(40_000, 70_000), new Uint8Array(30_000).fill(2))
  })

  it('a discard does not overtake what was written before a barrier', () => {
    const medium = new Recorder()
    const cache = new CacheSource(medium, { unit: 1024, limit: 65536 })
    cache.writeSync(0, new Uint8Array(1024).fill(1))
    cache.barrier()
    medium.onWrite = () => {
      if (medium.now[0] === 0) assert.equal(medium.durable[0], 1)
    }
    cache.discardSync(0, 1024)
    assert.equal(medium.now[0], 0)
  })
})
