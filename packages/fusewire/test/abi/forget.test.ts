import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { eachForget } from '../../src/abi/forget.js'
import { checkRequest, RequestFrame } from '../../src/abi/frame.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { Bytes, place, request } from './builder.js'

function forgets(message: Uint8Array): { result: number; seen: [number, number][] } {
  const { u, bytes } = place(message, 2)
  const frame = new RequestFrame()
  assert.equal(checkRequest(u, bytes, 2, message.length, true, frame), 0)
  const seen: [number, number][] = []
  return { result: eachForget(u, frame, (nodeid, nlookup) => seen.push([nodeid, nlookup])), seen }
}

test('FORGET', () => {
  assert.deepEqual(forgets(request(Op.FORGET, new Bytes().u64(3), { nodeid: 2 ** 50 })), {
    result: 0,
    seen: [[2 ** 50, 3]],
  })
})

test('BATCH_FORGET', () => {
  const batch = (...pairs: (number | bigint)[]) =>
    request(Op.BATCH_FORGET, new Bytes().u32(pairs.length / 2, 0).u64(...pairs), { nodeid: 0 })
  assert.deepEqual(forgets(batch()), { result: 0, seen: [] })
  assert.deepEqual(forgets(batch(5, 1, 6, 2 ** 40)), {
    result: 0,
    seen: [
      [5, 1],
      [6, 2 ** 40],
    ],
  })
  // Ids and counts that we cannot have given out are passed over; the others count.
  const foreign = batch(5, 1, 1n << 53n, 1, 6, 1n << 63n, 7, 4)
  assert.deepEqual(forgets(foreign), {
    result: -errno.ESTALE,
    seen: [
      [5, 1],
      [7, 4],
    ],
  })
})
