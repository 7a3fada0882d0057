import assert from 'node:assert/strict'
import { PerformanceObserver } from 'node:perf_hooks'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkRequest, RequestFrame } from '../../src/abi/frame.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as s from '../../src/abi/gen/structs.js'
import { NameCache } from '../../src/abi/names.js'
import { Bytes, place, request } from './builder.js'

/** Messages of one measurement: at 32 bytes each these would be 64 MiB, several times the young generation. */
const MESSAGES = 2_000_000

/** Collections of the young generation that happen during `run`. */
async function collections(run: () => void): Promise<number> {
  let count = 0
  const observer = new PerformanceObserver((list) => {
    count += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  run()
  await sleep(50)
  observer.disconnect()
  return count
}

const lookup = place(request(Op.LOOKUP, new Bytes().name('some-file-name')), 0)
const read = place(
  request(
    Op.READ,
    new Bytes()
      .u64(7, 2 ** 33)
      .u32(4096, 0)
      .u64(~0n)
      .u32(0, 0),
  ),
  0,
)
const frame = new RequestFrame()
const names = new NameCache()
const out = new Uint32Array(64)

/** Decodes a LOOKUP and a READ and writes an entry as its reply; returns something that depends on all of it. */
function messages(count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += checkRequest(lookup.u, lookup.bytes, 0, 55, true, frame)
    sum += (names.decode(lookup.bytes, frame.name1, frame.name1Length) ?? '').length & 1
    sum += checkRequest(read.u, read.bytes, 0, 80, true, frame)
    sum +=
      (s.readIn_offset(read.u, frame.op) + s.readIn_size(read.u, frame.op) + s.readIn_fh(read.u, frame.op)) &
      1
    s.clearEntryOut(out, 4)
    s.setEntryOut_nodeid(out, 4, 2 ** 33 + (i & 0xff))
    s.setAttr_size(out, 4 + s.ENTRY_OUT_ATTR_WORD, 2 ** 40)
    s.setAttr_mtime(out, 4 + s.ENTRY_OUT_ATTR_WORD, -5)
    s.setAttr_mode(out, 4 + s.ENTRY_OUT_ATTR_WORD, 0o100644)
  }
  return sum
}

test('decoding and encoding make no garbage', async () => {
  messages(100_000)
  let sum = 0
  const count = await collections(() => {
    sum = messages(MESSAGES)
  })
  assert.equal(sum, MESSAGES)
  assert(count <= 1, `${count} collections in ${MESSAGES} messages`)
})

test('the measurement notices garbage', async () => {
  const kept: { i: number; j: number }[] = []
  const count = await collections(() => {
    for (let i = 0; i < MESSAGES; i++) kept[i & 7] = { i, j: i }
  })
  assert(count > 1, `${count} collections`)
})
