import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calls, NEG, sockets } from './support.js'

const bytes = new Uint8Array(64)
const call = () => 0

/** For each function: arguments that are right, so that each one can be made wrong in turn. */
function rightArguments(): Record<string, unknown[]> {
  return {
    openDevice: ['/nowhere/fuse'],
    closeFd: [-1],
    cloneDevice: [-1, '/nowhere/fuse'],
    readDevice: [-1, bytes, 0, 64],
    writeOne: [-1, bytes, 0, 64],
    writeTwo: [-1, bytes, 0, 16, bytes, 16, 48],
    writeDevice: [-1, [bytes, bytes], 2],
    pumpStart: [-1, bytes, bytes, call, call, call],
    notifierStart: [-1, call],
  }
}

type AnyFunction = (...args: unknown[]) => unknown
const functions = calls as unknown as Record<string, AnyFunction>

/** Values that are wrong in every place. A symbol cannot be converted, so it shows that nothing is. */
const WRONG: unknown[] = [null, {}, Symbol('wrong'), true, Number.NaN, 1.5, 2 ** 60]

test('with right types every function returns a negative errno number and throws nothing', () => {
  for (const [name, args] of Object.entries(rightArguments())) {
    const result = functions[name]!(...args)
    assert.ok(typeof result === 'number' && result < 0 && result > -134, `${name}: ${String(result)}`)
  }
})

test('an argument of a wrong type is a TypeError, in every place of every function', () => {
  let checked = 0
  for (const [name, args] of Object.entries(rightArguments())) {
    for (let place = 0; place < args.length; place++) {
      for (const wrong of WRONG) {
        const wrongArgs = args.map((value, index) => (index === place ? wrong : value))
        assert.throws(
          () => functions[name]!(...wrongArgs),
          { name: 'TypeError' },
          `${name} takes ${String(wrong)} as argument ${place}`,
        )
        checked++
      }
    }
  }
  assert.ok(checked > 150)
})

test('a missing argument is a TypeError', () => {
  for (const [name, args] of Object.entries(rightArguments())) {
    if (name === 'pumpStart') args.pop() // onWriteError may be left out
    assert.throws(() => functions[name]!(...args.slice(0, -1)), { name: 'TypeError' }, name)
  }
})

test('the message names the argument', () => {
  assert.throws(() => functions.writeOne!(0, 'text', 0, 1), /buffer: expected a Uint8Array/)
  assert.throws(() => functions.closeFd!('1'), /fd: expected a 32-bit integer/)
  assert.throws(() => functions.openDevice!('/dev/\0fuse'), /path: expected no NUL byte inside/)
})

test('a range that leaves its array is a TypeError, also where a sum would overflow', () => {
  const ranges = [
    [65, 0],
    [64, 1],
    [0, 65],
    [-1, 1],
    [1, -1],
    [2 ** 53, 2 ** 53],
    [1, 2 ** 53],
  ]
  for (const [offset, length] of ranges) {
    assert.throws(() => calls.readDevice(-1, bytes, offset!, length!), { name: 'TypeError' })
    assert.throws(() => calls.writeTwo(-1, bytes, 0, 1, bytes, offset!, length!), { name: 'TypeError' })
  }
  assert.equal(calls.writeOne(-1, bytes, 64, 0), NEG.EBADF)
})

test('more than 64 parts are refused, 64 are one message', () => {
  const [a, b] = sockets()
  const parts = Array.from({ length: 65 }, (_, index) => Uint8Array.of(index))
  assert.equal(calls.writeDevice(a, parts, 65), NEG.EINVAL)
  assert.equal(calls.writeDevice(a, parts, 64), 64)
  const got = new Uint8Array(100)
  assert.equal(calls.readDevice(b, got, 10, 90), 64)
  assert.deepEqual([...got.subarray(10, 74)], [...Array(64).keys()])
  calls.closeFd(a)
  calls.closeFd(b)
})

test('handles of another kind are refused', () => {
  for (const wrong of [{}, null, 1, () => 0, Object.create(null)]) {
    for (const name of ['pumpPause', 'pumpResume', 'pumpRef', 'pumpUnref', 'pumpStop', 'notifierStop']) {
      assert.throws(() => functions[name]!(wrong), { name: 'TypeError' }, name)
    }
    assert.throws(() => functions.pumpSetRx!(wrong, bytes), { name: 'TypeError' })
    assert.throws(() => functions.notifierSend!(wrong, bytes, 1), { name: 'TypeError' })
  }
  const [a, b] = sockets()
  const notifier = calls.notifierStart(a, () => {})
  const pump = calls.pumpStart(b, bytes, bytes, call, () => {})
  assert.throws(() => functions.pumpStop!(notifier), { name: 'TypeError' })
  assert.throws(() => functions.notifierStop!(pump), { name: 'TypeError' })
  functions.pumpStop!(pump)
  functions.notifierStop!(notifier)
  calls.closeFd(a)
  calls.closeFd(b)
})
