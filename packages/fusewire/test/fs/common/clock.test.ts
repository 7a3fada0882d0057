import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Clock } from '../../../src/fs/common/clock.js'

test('the clock stays beside the time of day, and its parts are in range', () => {
  const clock = new Clock()
  for (let i = 0; i < 1000; i++) {
    const before = Date.now()
    clock.tick()
    const after = Date.now()
    const ms = clock.seconds * 1000 + clock.nanoseconds / 1e6
    assert.ok(Number.isInteger(clock.seconds) && Number.isInteger(clock.nanoseconds))
    assert.ok(clock.nanoseconds >= 0 && clock.nanoseconds < 1e9)
    assert.ok(ms >= before - 0.01 && ms <= after + 2, `${ms} is not between ${before} and ${after}`)
  }
})

test('the clock follows when the time of day is set', (t) => {
  const clock = new Clock()
  t.mock.method(Date, 'now', () => 1_000_000_000_123)
  clock.tick()
  assert.equal(clock.seconds, 1_000_000_000)
  assert.equal(clock.nanoseconds, 123_000_000)
})
