// What the simulated kernel refuses of a session, as fs/fuse/dev.c and dir.c do: replies built by hand.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkRequest, RequestFrame } from '../../src/abi/frame.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { stat } from '../../src/testing/kernel/attributes.js'
import { Channel } from '../../src/testing/kernel/channel.js'
import { listStart, readEntries } from '../../src/testing/kernel/directory.js'
import { read, write } from '../../src/testing/kernel/file-io.js'
import { Kernel } from '../../src/testing/kernel/kernel.js'
import { lookup } from '../../src/testing/kernel/lookup.js'
import { open, openDirectory } from '../../src/testing/kernel/open.js'
import { Random } from '../../src/testing/kernel/random.js'

const ROOT = { uid: 0, gid: 0, groups: [], pid: 1, umask: 0 }
const REGULAR = 0o100644
const DIRECTORY = 0o040755

/** The answer to one request: an errno, or a body. */
type Answer = { error?: number; body?: Buffer; raw?: (unique: Buffer) => Buffer }

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value >>> 0, i * 4)
  })
  return bytes
}
/** `fuse_attr`: size at byte 8, mode at byte 60. */
const attr = (mode: number, size = 0, sizeHigh = 0): Buffer => {
  const bytes = Buffer.alloc(88)
  bytes.writeUInt32LE(size, 8)
  bytes.writeUInt32LE(sizeHigh >>> 0, 12)
  bytes.writeUInt32LE(mode, 60)
  bytes.writeUInt32LE(1, 64)
  return bytes
}
const entry = (node: number, mode: number, size = 0, sizeHigh = 0): Buffer =>
  Buffer.concat([u32(node, 0, 0, 0, 60, 0, 60, 0, 0, 0), attr(mode, size, sizeHigh)])
const dirent = (name: string, next: number): Buffer => {
  const bytes = Buffer.alloc((24 + name.length + 7) & ~7)
  u32(5, 0, next, 0, name.length, 8).copy(bytes)
  bytes.write(name, 24)
  return bytes
}

function reply(unique: Buffer, { error = 0, body = Buffer.alloc(0), raw }: Answer): Buffer {
  return raw?.(unique) ?? Buffer.concat([u32(16 + body.length, error), unique, body])
}

/** A kernel whose requests are answered from a table by opcode. */
function kernel(answers: Partial<Record<number, Answer>>): { k: Kernel; results: number[] } {
  const channel = new Channel({ delays: 0, random: new Random(1) })
  const k = new Kernel(channel, { defaultPermissions: false, readdirSize: 4096 })
  const results: number[] = []
  const frame = new RequestFrame()
  channel.deliver = (request) => {
    const bytes = new Uint8Array(Math.ceil(request.length / 4) * 4)
    bytes.set(request)
    const copy = new Uint32Array(bytes.buffer)
    assert.equal(checkRequest(copy, bytes, 0, request.length, false, frame), 0, 'the request is well formed')
    const opcode = copy[1]!
    if (opcode === Op.FORGET || opcode === Op.BATCH_FORGET) return 0
    const answer = answers[opcode] ?? { error: -38 }
    results.push(channel.reply(reply(Buffer.from(bytes.buffer, 8, 8), answer)))
    return 0
  }
  return { k, results }
}

const code = (name: string) => (error: unknown) => (error as NodeJS.ErrnoException).code === name

/** The call fails with EIO and exactly this violation is noted. */
async function refused(k: Kernel, call: Promise<unknown>, text: RegExp): Promise<void> {
  await assert.rejects(call, code('EIO'))
  assert.equal(k.channel.violations.length, 1, JSON.stringify(k.channel.violations))
  assert.match(k.channel.violations[0]!.text, text)
}

const OPEN = { body: u32(1, 0, 0, 0) }

describe('what the simulated kernel refuses', () => {
  const entries: readonly [string, Answer, RegExp][] = [
    ['node id 1', { body: entry(1, REGULAR) }, /node id is 1/],
    ['a mode without type', { body: entry(5, 0o644) }, /no file type/],
    ['a type that is none', { body: entry(5, 0o130644) }, /no file type/],
    ['a size below 0', { body: entry(5, REGULAR, 0, -1) }, /size/],
    ['a body that is too short', { body: entry(5, REGULAR).subarray(0, 120) }, /120 bytes/],
    ['a body that is too long', { body: Buffer.concat([entry(5, REGULAR), u32(0, 0)]) }, /136 bytes/],
    ['a body with an error', { error: -2, body: entry(5, REGULAR) }, /ENOENT/],
  ]
  for (const [title, answer, text] of entries) {
    test(`LOOKUP: ${title}`, async () => {
      const { k } = kernel({ [Op.LOOKUP]: answer })
      await refused(k, lookup(k, ROOT, k.root, 'x'), text)
      assert.equal(k.inodes.size, 1, 'nothing is kept of it')
    })
  }

  const headers: readonly [string, number, (unique: Buffer) => Buffer][] = [
    ["a length that is not the message's", -22, (unique) => Buffer.concat([u32(17, 0), unique])],
    ['an error above 0', -22, (unique) => Buffer.concat([u32(16, 2), unique])],
    ["an error of the kernel's own", -22, (unique) => Buffer.concat([u32(16, -512), unique])],
    ['less than a header', -22, (unique) => Buffer.concat([u32(12, 0), unique]).subarray(0, 12)],
    ['a number that nobody waits for', -2, () => u32(16, 0, 1_000_000, 0)],
  ]
  for (const [title, error, raw] of headers) {
    test(`a header with ${title} leaves the request without an answer`, async () => {
      const { k, results } = kernel({ [Op.LOOKUP]: { raw } })
      const asked = lookup(k, ROOT, k.root, 'x')
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual([results, k.channel.waiting], [[error], 1])
      k.channel.end(-103)
      await assert.rejects(asked, code('ECONNABORTED'))
    })
  }

  test('a second reply is ENOENT', async () => {
    const { k } = kernel({ [Op.LOOKUP]: { body: entry(5, REGULAR) } })
    await lookup(k, ROOT, k.root, 'x')
    assert.equal(k.channel.reply(Buffer.concat([u32(16, 0, 2, 0)])), -2)
  })

  test('a node that changes its type is bad from then on', async () => {
    const { k } = kernel({
      [Op.LOOKUP]: { body: entry(5, REGULAR) },
      [Op.GETATTR]: { body: Buffer.concat([u32(60, 0, 0, 0), attr(DIRECTORY)]) },
    })
    const inode = (await lookup(k, ROOT, k.root, 'x'))!
    inode.expire()
    await refused(k, stat(k, ROOT, inode), /file type changed/)
    await assert.rejects(stat(k, ROOT, inode), code('EIO'))
  })

  test('a write that says more than was given', async () => {
    const { k } = kernel({
      [Op.LOOKUP]: { body: entry(5, REGULAR) },
      [Op.OPEN]: OPEN,
      [Op.WRITE]: { body: u32(11, 0) },
    })
    const file = await open(k, ROOT, '/x', 1, 0)
    await refused(k, write(k, file, 0, Buffer.alloc(10)), /11 bytes written/)
  })

  test('a read that gives more than was asked for', async () => {
    const { k } = kernel({
      [Op.LOOKUP]: { body: entry(5, REGULAR, 10) },
      [Op.OPEN]: OPEN,
      [Op.READ]: { body: Buffer.alloc(4097) },
    })
    const file = await open(k, ROOT, '/x', 0, 0)
    await refused(k, read(k, file, 0, 10), /4097 bytes/)
  })

  const listings: readonly [string, Buffer, RegExp][] = [
    ['a name with "/"', dirent('a/b', 1), /name/],
    ['an empty name', dirent('', 1), /name/],
    ['a position of 0', dirent('a', 0), /position behind "a" is 0/],
    ['two entries at one position', Buffer.concat([dirent('a', 1), dirent('b', 1)]), /two entries/],
    ['no whole record', dirent('abcdefgh', 1).subarray(0, 24), /not one whole/],
  ]
  for (const [title, body, text] of listings) {
    test(`READDIR: ${title}`, async () => {
      const { k } = kernel({ [Op.OPENDIR]: OPEN, [Op.READDIR]: { body } })
      const file = await openDirectory(k, ROOT, k.root)
      await refused(k, readEntries(k, file, listStart()), text)
    })
  }
})
