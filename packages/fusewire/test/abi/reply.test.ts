import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OPCODES, Op, opcodeRow } from '../../src/abi/gen/opcodes.js'
import * as s from '../../src/abi/gen/structs.js'
import { replyBodyMax, replyBodyMin } from '../../src/abi/reply.js'

const limits = (opcode: number, u: Uint32Array): [number, number] => {
  const row = opcodeRow(opcode)
  assert(row)
  return [replyBodyMin(row, u, 2), replyBodyMax(row, u, 2)]
}

test('replies of fixed size', () => {
  const u = new Uint32Array(32)
  assert.deepEqual(limits(Op.LOOKUP, u), [128, 128])
  assert.deepEqual(limits(Op.CREATE, u), [144, 144])
  assert.deepEqual(limits(Op.STATX, u), [288, 288])
  assert.deepEqual(limits(Op.UNLINK, u), [0, 0])
  assert.deepEqual(limits(Op.COPY_FILE_RANGE, u), [8, 8])
  for (const row of OPCODES) assert(replyBodyMin(row, u, 2) <= replyBodyMax(row, u, 2), row.name)
})

test('replies whose size the request limits', () => {
  const u = new Uint32Array(32)
  s.setReadIn_size(u, 2, 5000)
  for (const opcode of [Op.READ, Op.READDIR, Op.READDIRPLUS]) assert.deepEqual(limits(opcode, u), [0, 5000])
  s.clearReadIn(u, 2)
  for (const opcode of [Op.GETXATTR, Op.LISTXATTR]) {
    s.setGetxattrIn_size(u, 2, 0)
    assert.deepEqual(limits(opcode, u), [8, 8])
    s.setGetxattrIn_size(u, 2, 3)
    assert.deepEqual(limits(opcode, u), [0, 3])
  }
  s.clearIoctlIn(u, 2)
  s.setIoctlIn_outSize(u, 2, 100_000)
  assert.deepEqual(limits(Op.IOCTL, u), [16, 100_016])
  assert.deepEqual(limits(Op.READLINK, u), [0, 4095])
  assert.deepEqual(limits(Op.INIT, u), [8, 64])
  assert.deepEqual(limits(Op.CUSE_INIT, u), [72, 72 + 4096])
})
