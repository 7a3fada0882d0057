import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import { FileSystem, type Request } from '../../src/api/index.js'
import { Wire } from './wire.js'

class Empty extends FileSystem {}
const hex = (message: Buffer | undefined) => message?.toString('hex')
const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, i * 4)
  return bytes.toString('hex')
}

describe('notifications', () => {
  it('have the bytes that the kernel reads', async () => {
    const wire = Wire.start(new Empty())
    const send = wire.session.notify
    await send.poll({ low: 7, high: 9 })
    await send.invalInode(5, -1, 0)
    await send.invalInode(5, 4096, 2 ** 33)
    await send.invalEntry(1, 'ab')
    await send.invalEntry(1, Buffer.from([0xff]), { expireOnly: true })
    await send.delete(1, 2 ** 32 + 3, 'x')
    await send.store(4, 10, Buffer.from('data'))
    await send.resend()
    await send.incEpoch()
    await send.prune([2, 2 ** 32])
    const name = (text: string) => Buffer.from(`${text}\0`).toString('hex')
    assert.deepEqual(wire.notifications.map(hex), [
      u32(24, 1, 0, 0) + u32(7, 9),
      u32(40, 2, 0, 0) + u32(5, 0, -1, -1, 0, 0),
      u32(40, 2, 0, 0) + u32(5, 0, 4096, 0, 0, 2),
      u32(35, 3, 0, 0) + u32(1, 0, 2, 0) + name('ab'),
      `${u32(34, 3, 0, 0) + u32(1, 0, 1, 1)}ff00`,
      u32(42, 6, 0, 0) + u32(1, 0, 3, 1, 1, 0) + name('x'),
      u32(44, 4, 0, 0) + u32(4, 0, 10, 0, 4, 0) + Buffer.from('data').toString('hex'),
      u32(16, 7, 0, 0),
      u32(16, 8, 0, 0),
      u32(48, 9, 0, 0) + u32(2, 0, 0, 0) + u32(2, 0, 0, 1),
    ])
  })

  it('retrieve page-cache data by their own number', async () => {
    const wire = Wire.start(new Empty())
    const first = wire.session.notify.retrieve(3, 0, 100)
    const second = wire.session.notify.retrieve(3, 4096, 100)
    await new Promise(setImmediate)
    const ids = wire.notifications.map((message) => message.readUInt32LE(16))
    assert.equal(new Set(ids).size, 2)
    for (const [index, id] of [...ids.entries()].reverse()) {
      const payload = Buffer.from(`data ${index}`)
      wire.send({
        opcode: Op.NOTIFY_REPLY,
        unique: id,
        fill: (words, op) => abi.setNotifyRetrieveIn_size(words, op, payload.length),
        payload,
      })
    }
    assert.equal(Buffer.from(await first).toString(), 'data 0')
    assert.equal(Buffer.from(await second).toString(), 'data 1')
  })

  it('may be answered by the kernel while a handler is on the stack', async () => {
    let name = ''
    class Asking extends FileSystem {
      override lookup(req: Request, _parent: number, asked: string): number {
        void wire.session.notify.resend()
        name = `${asked} of ${req.uid}`
        return -errno.ENOENT
      }
    }
    const wire = Wire.start(new Asking())
    // The kernel's answer to the notification is another request, in the middle of this one.
    wire.onNotification = () => void wire.send({ opcode: Op.GETATTR, uid: 7 })
    const unique = wire.send({ opcode: Op.LOOKUP, names: ['a-name'], uid: 5 })
    assert.equal((await wire.wait(unique)).error, -errno.ENOENT)
    assert.equal(name, 'a-name of 5')
    assert.equal(wire.replies.at(-1)?.error, -errno.ENOSYS)
  })

  it('reject with the errno of the kernel', async () => {
    const wire = Wire.start(new Empty())
    wire.notificationResult = -errno.ENOENT
    await assert.rejects(wire.session.notify.invalInode(9), { code: 'ENOENT' })
    await assert.rejects(wire.session.notify.retrieve(9, 0, 1), { code: 'ENOENT' })
  })

  it('reject when the mount ends, also a retrieve that waits for its data', async () => {
    const wire = Wire.start(new Empty())
    const data = wire.session.notify.retrieve(3, 0, 100)
    await new Promise(setImmediate)
    wire.transport.disconnect()
    await assert.rejects(data, { code: 'ENODEV' })
    await assert.rejects(wire.session.notify.resend(), { code: 'ENODEV' })
  })
})
