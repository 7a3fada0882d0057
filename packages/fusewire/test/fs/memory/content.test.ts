import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataOut } from '../../../src/api/data-out.js'
import { errno } from '../../../src/api/errors.js'
import { BLOCK } from '../../../src/fs/memory/block-map.js'
import { CHUNK } from '../../../src/fs/memory/chunk.js'
import { Content } from '../../../src/fs/memory/content.js'
import { copyRange } from '../../../src/fs/memory/copy-range.js'
import { Space } from '../../../src/fs/memory/space.js'
import { replyArea } from './direct.js'

const END = 2 * CHUNK + 3 * BLOCK

function readAll(content: Content, offset = 0, size = content.size): Uint8Array {
  const area = replyArea(size + 8)
  const out = new DataOut(area)
  out.reset(size)
  content.read(offset, size, out)
  assert.ok(!out.overflow)
  if (out.body !== null) return out.body.subarray(out.bodyStart, out.bodyStart + out.length)
  return area.replyBytes.subarray(area.body * 4, area.body * 4 + out.length)
}

/** A file as one array of bytes and the state of each block. */
class Model {
  bytes = new Uint8Array(END)
  size = 0
  state: ('hole' | 'data' | 'reserved')[] = new Array(Math.ceil(END / BLOCK)).fill('hole')

  write(offset: number, data: Uint8Array): void {
    this.bytes.set(data, offset)
    if (data.length === 0) return
    this.state.fill('data', Math.floor(offset / BLOCK), Math.ceil((offset + data.length) / BLOCK))
    this.size = Math.max(this.size, offset + data.length)
  }
  truncate(size: number): void {
    this.bytes.fill(0, size)
    this.state.fill('hole', Math.ceil(size / BLOCK))
    this.size = size
  }
  punch(start: number, end: number): void {
    this.bytes.fill(0, start, end)
    const from = Math.ceil(start / BLOCK)
    const to = Math.floor(end / BLOCK)
    if (from < to) this.state.fill('hole', from, to)
  }
  reserve(start: number, end: number): void {
    for (let block = Math.floor(start / BLOCK); block < Math.ceil(end / BLOCK); block++) {
      if (this.state[block] === 'hole') this.state[block] = 'reserved'
    }
  }
  zero(start: number, end: number): void {
    this.punch(start, end)
    this.reserve(start, end)
  }
  seek(offset: number, data: boolean): number {
    if (offset >= this.size) return -errno.ENXIO
    for (let block = Math.floor(offset / BLOCK); block * BLOCK < this.size; block++) {
      if ((this.state[block] === 'data') === data) return Math.max(offset, block * BLOCK)
    }
    return data ? -errno.ENXIO : this.size
  }
}

// Offsets crowd around the borders of blocks and chunks, where mistakes live.
const border = fc
  .record({
    base: fc.constantFrom(0, BLOCK, 5 * BLOCK, 65536, CHUNK - BLOCK, CHUNK, CHUNK + BLOCK, 2 * CHUNK),
    shift: fc.integer({ min: -70, max: 70 }),
  })
  .map(({ base, shift }) => Math.max(0, base + shift))
const anywhere = fc.integer({ min: 0, max: END })
const place = fc.oneof(border, anywhere)
const step = fc.record({
  kind: fc.constantFrom('write', 'write', 'write', 'truncate', 'punch', 'reserve', 'zero', 'copy'),
  a: place,
  b: place,
  fill: fc.integer({ min: 1, max: 255 }),
})

test('a file of chunks holds the bytes, blocks and holes that one array would', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 16 }), (steps) => {
      const space = new Space(Infinity, Infinity)
      const account = space.accountOf(0)
      const content = new Content(account)
      const model = new Model()
      for (const { kind, a, b, fill } of steps) {
        const from = Math.min(a, b, END)
        const to = Math.min(Math.max(a, b), END)
        if (kind === 'write') {
          const data = new Uint8Array(to - from).fill(fill)
          assert.equal(content.write(from, data), data.length)
          model.write(from, data)
        } else if (kind === 'truncate') {
          content.truncate(to)
          model.truncate(to)
        } else if (kind === 'punch') {
          content.punch(from, to)
          model.punch(from, to)
        } else if (kind === 'reserve') {
          assert.equal(content.reserve(from, to), 0)
          model.reserve(from, to)
        } else if (kind === 'zero') {
          assert.equal(content.zero(from, to), 0)
          model.zero(from, to)
        } else {
          copyWithin(content, model, from, to)
        }
        check(content, model, account.blocks, [from, to])
      }
      content.release()
      assert.equal(space.blocks, 0)
    }),
    { numRuns: 150 },
  )
})

/** Copies the front of the file to a place behind it. */
function copyWithin(content: Content, model: Model, from: number, to: number): void {
  const length = Math.min(from, to - from, END - to)
  // What lies behind the end of the file now is not to be copied, although the copy itself moves the end.
  const copied = Math.max(0, Math.min(length, model.size))
  assert.equal(copyAll(content, 0, to, copied), copied)
  for (let at = 0; at < copied; ) {
    const data = model.seek(at, true)
    const start = data < 0 ? copied : Math.min(copied, data)
    if (start > at) {
      model.punch(to + at, to + start)
      model.size = Math.max(model.size, to + start)
      at = start
      continue
    }
    const hole = Math.min(copied, model.seek(at, false))
    model.write(to + at, model.bytes.slice(at, hole))
    at = hole
  }
}

function copyAll(content: Content, offset: number, target: number, length: number): number {
  let done = 0
  while (done < length) {
    const part = copyRange(content, offset + done, content, target + done, length - done)
    assert.ok(part >= 0)
    if (part === 0) break
    done += part
  }
  return done
}

function check(content: Content, model: Model, charged: number, offsets: number[]): void {
  assert.equal(content.size, model.size)
  assert.ok(Buffer.compare(readAll(content), model.bytes.subarray(0, model.size)) === 0, 'the bytes differ')
  assert.equal(content.blocks, model.state.filter((state) => state !== 'hole').length)
  assert.equal(charged, content.blocks)
  for (const offset of [0, ...offsets]) {
    assert.equal(content.seek(offset, true), model.seek(offset, true), `SEEK_DATA ${offset}`)
    assert.equal(content.seek(offset, false), model.seek(offset, false), `SEEK_HOLE ${offset}`)
    const some = Math.min(1000, Math.max(0, model.size - offset))
    assert.deepEqual(readAll(content, offset, 1000), model.bytes.subarray(offset, offset + some))
  }
}

test('reading allocates nothing, and a hole of any size costs nothing', () => {
  const space = new Space(4, 10)
  const content = new Content(space.accountOf(0))
  content.truncate(Number.MAX_SAFE_INTEGER)
  assert.equal(
    readAll(content, 2 ** 52, 65536).every((byte) => byte === 0),
    true,
  )
  assert.equal(content.seek(0, true), -errno.ENXIO)
  assert.equal(content.seek(2 ** 50, false), 2 ** 50)
  assert.equal(content.write(2 ** 52, Buffer.from('far')), 3)
  assert.equal(content.seek(0, true), 2 ** 52)
  assert.equal(content.seek(2 ** 52, false), 2 ** 52 + BLOCK)
  assert.equal(space.blocks, 1)
  content.punch(0, Number.MAX_SAFE_INTEGER)
  assert.equal(space.blocks, 0)
  assert.equal(content.reserve(0, 2 ** 40), -errno.ENOSPC)
  assert.equal(space.blocks, 0)
})

test('a write that meets the end of the space is short, and then ENOSPC', () => {
  const space = new Space(3, 10)
  const content = new Content(space.accountOf(0))
  assert.equal(content.write(100, new Uint8Array(5 * BLOCK).fill(1)), 3 * BLOCK - 100)
  assert.equal(content.size, 3 * BLOCK)
  assert.equal(content.write(3 * BLOCK, Uint8Array.of(1)), -errno.ENOSPC)
  assert.equal(content.size, 3 * BLOCK)
  assert.equal(
    content.write(0, new Uint8Array(3 * BLOCK).fill(2)),
    3 * BLOCK,
    'blocks that are there cost nothing',
  )
  content.truncate(BLOCK)
  assert.equal(space.blocks, 1)
  assert.equal(content.reserve(BLOCK, 3 * BLOCK), 0)
  assert.equal(new Content(space.accountOf(0)).write(0, Uint8Array.of(1)), -errno.ENOSPC)
  assert.equal(
    content.write(BLOCK, new Uint8Array(2 * BLOCK)),
    2 * BLOCK,
    'what was set aside can be written',
  )
})

test('a reserved range stays reserved behind the end of the file until the file is truncated', () => {
  const space = new Space(100, 10)
  const content = new Content(space.accountOf(0))
  content.write(0, Uint8Array.of(1))
  assert.equal(content.reserve(0, 10 * BLOCK), 0)
  assert.equal(content.size, 1)
  assert.equal(space.blocks, 10)
  content.truncate(1)
  assert.equal(space.blocks, 1)
})
