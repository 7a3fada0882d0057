import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRequest, RequestFrame } from '../../src/abi/frame.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as s from '../../src/abi/gen/structs.js'
import { NameCache } from '../../src/abi/names.js'
import { bytesPerMessage } from '../support/garbage.js'
import { Bytes, place, request } from './builder.js'

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

/**
 * Decodes a LOOKUP and a READ and writes an entry as its reply; returns something that depends on all of
 * it.
 */
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

test('decoding and encoding make no garbage', () => {
  const bytes = bytesPerMessage(messages)
  assert(bytes < 1, `${bytes} bytes per message`)
})

test('the measurement notices the smallest garbage', () => {
  const kept: unknown[] = []
  const bytes = bytesPerMessage((count) => {
    for (let i = 0; i < count; i++) kept[i & 7] = { i }
    return count
  })
  assert(bytes >= 8, `${bytes} bytes per message`)
})
