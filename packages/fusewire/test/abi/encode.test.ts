import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestWriter } from '../../src/abi/encode.js'
import { groupsBlock, secctxBlock } from '../../src/abi/ext.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { setMkdirIn_mode, setReadIn_size } from '../../src/abi/gen/structs.js'
import { Bytes, request } from './builder.js'

function writerOver(size: number) {
  const bytes = new Uint8Array(size).fill(0xee)
  const u = new Uint32Array(bytes.buffer)
  const writer = new RequestWriter()
  writer.reset(u, bytes, 1)
  return { writer, u, take: (length: number) => bytes.slice(4, 4 + length) }
}

test('requests one after another at the same place', () => {
  const { writer, u, take } = writerOver(256)
  setMkdirIn_mode(u, writer.begin(Op.MKDIR, 8, 1, 9), 0o755)
  writer.caller(1, 2, 3)
  writer.name('caf\u00e9')
  writer.extension(secctxBlock([]))
  writer.extension(groupsBlock([5]))
  const body = new Bytes().u32(0o755, 0).name('caf\u00e9').u32(8, 0, 16, 32, 1, 5)
  const header = { unique: 2 ** 32 + 8, nodeid: 9, uid: 1, gid: 2, pid: 3, extlen: 3 }
  assert.deepEqual(take(writer.end()), request(Op.MKDIR, body, header))

  setReadIn_size(u, writer.begin(Op.READ, 10, 0, 2 ** 40), 4096)
  const read = new Bytes().u64(0, 0).u32(4096, 0).u64(0).u32(0, 0)
  const nobody = { unique: 10, nodeid: 2 ** 40, uid: 0, gid: 0, pid: 0 }
  assert.deepEqual(take(writer.end()), request(Op.READ, read, nobody))

  writer.begin(Op.UNLINK, 12, 0, 1)
  writer.name('\u00ff', 'latin1')
  assert.deepEqual(
    take(writer.end()),
    request(Op.UNLINK, new Bytes().u8(0xff, 0), { ...nobody, unique: 12, nodeid: 1 }),
  )
})

test('what does not fit is refused before anything is written', () => {
  const { writer, take } = writerOver(64)
  assert.throws(() => writer.begin(Op.READ, 2, 0, 1), /request of 80 bytes or more in a buffer of 64/)
  assert.deepEqual(take(60), new Uint8Array(60).fill(0xee))
  writer.begin(Op.LOOKUP, 2, 0, 1)
  assert.throws(() => writer.name('x'.repeat(21)), RangeError)
  assert.throws(() => writer.payload(new Uint8Array(21)), RangeError)
  assert.throws(() => writer.name('\ud800'), /has no form in utf8/)
  assert.throws(() => writer.name('\u0100', 'latin1'), /has no form in latin1/)
  writer.name('x'.repeat(19))
  assert.equal(writer.end(), 60)
})
