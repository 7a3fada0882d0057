import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Options, splitOptions } from '../../src/front/options.js'
import { OPTION_KEYS } from '../../src/mount/index.js'
import { SESSION_RANGES } from '../../src/session/options.js'

test('options go to the mount, to the session, or stay', () => {
  const log = (): void => {}
  const split = splitOptions({
    readOnly: true,
    fsname: 'x',
    entryTimeout: 0.5,
    maxInFlight: 7,
    log,
    unmountAtExit: false,
  })
  assert.deepEqual(split, {
    mount: { readOnly: true, fsname: 'x' },
    session: { entryTimeout: 0.5, maxInFlight: 7, log },
    unmountAtExit: false,
  })
  assert.deepEqual(splitOptions({}), { mount: {}, session: {}, unmountAtExit: true })
})

test('undefined is as if it was not given', () => {
  const keys = [
    ...OPTION_KEYS,
    ...Object.keys(SESSION_RANGES),
    'log',
    'debug',
    'writebackCache',
    'unmountAtExit',
  ]
  const given = Object.fromEntries(keys.map((key) => [key, undefined])) as Options
  assert.deepEqual(splitOptions(given), { mount: {}, session: {}, unmountAtExit: true })
})

test('both ends of every range are allowed, what lies outside is not', () => {
  for (const [key, [min, max]] of Object.entries(SESSION_RANGES)) {
    for (const value of [min, max]) assert.deepEqual(splitOptions({ [key]: value }).session, { [key]: value })
    for (const value of [min - 1, max + 1, Number.NaN, Number.POSITIVE_INFINITY, '1', null, {}, 1n]) {
      assert.throws(
        () => splitOptions({ [key]: value } as Options),
        (error: Error & { code?: string }) => error.code === 'EINVAL' && error.message.includes(key),
        `${key} ${String(value)}`,
      )
    }
  }
})
