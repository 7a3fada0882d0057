// What a JavaScript program may give in place of a path or of options: each costs a MountError, before anything is touched.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { splitOptions } from '../../src/front/options.js'
import { MountError, mountDevice, unmount } from '../../src/mount/index.js'

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof MountError && error.code === 'EINVAL' && message.test(error.message)

describe('bad input', () => {
  const paths: unknown[] = [undefined, null, 5, {}, [], Buffer.from('/tmp'), Symbol('path'), 5n]
  for (const path of paths) {
    test(`a mount point that is ${typeof path}: ${String(path)}`, async () => {
      await assert.rejects(mountDevice(path as string), refusal(/^the mount point cannot be/))
      await assert.rejects(unmount(path as string), refusal(/^the mount point cannot be/))
    })
  }

  for (const options of [null, 5, 'ro', ['ro']]) {
    test(`options that are ${JSON.stringify(options)}`, async () => {
      assert.throws(() => splitOptions(options as never), refusal(/^mount options cannot be/))
      await assert.rejects(unmount('/', options as never), refusal(/^unmount options cannot be/))
    })
  }

  test('an option whose value JSON cannot write', () => {
    assert.throws(() => splitOptions({ entryTimeout: 2n } as never), refusal(/'entryTimeout' cannot be 2/))
  })

  const unmounts: [object, RegExp][] = [
    [{ lasy: true }, /unknown.*'lasy'.*did you mean 'lazy'/],
    [{ lazy: 'yes' }, /'lazy' cannot be "yes"/],
    [{ force: 1 }, /'force' cannot be 1/],
    [{ timeout: 0 }, /'timeout' cannot be 0/],
    [{ timeout: Number.NaN }, /'timeout' cannot be NaN/],
    [{ timeout: '5' }, /'timeout' cannot be "5"/],
  ]
  for (const [options, message] of unmounts) {
    test(`unmount with ${Object.entries(options).join()}`, () =>
      assert.rejects(unmount('/', options), refusal(message)))
  }
})
