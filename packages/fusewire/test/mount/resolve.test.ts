import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { Deadline } from '../../src/mount/deadline.js'
import { StepError } from '../../src/mount/errors.js'
import { resolvePlace } from '../../src/mount/resolve.js'
import { mountCalls } from '../../src/native/mount.js'

const root = mkdtempSync(join(tmpdir(), 'fusewire-resolve-'))
after(() => rmSync(root, { recursive: true }))
mkdirSync(join(root, 'real/deep'), { recursive: true })
writeFileSync(join(root, 'file'), '')
symlinkSync('real', join(root, 'short'))
symlinkSync(join(root, 'real'), join(root, 'long'))
symlinkSync('short/deep', join(root, 'chain'))
symlinkSync('loop2', join(root, 'loop1'))
symlinkSync('loop1', join(root, 'loop2'))

const resolve = (path: string) => resolvePlace(mountCalls(), new Deadline(5000), path)

const ends: [string, string][] = [
  ['real', 'real'],
  ['real/', 'real'],
  ['real//deep/.', 'real/deep'],
  ['short', 'real'],
  ['short/', 'real'],
  ['long/deep', 'real/deep'],
  ['chain', 'real/deep'],
  ['chain/..', 'real'],
  ['chain/../deep', 'real/deep'],
  ['./real/./deep', 'real/deep'],
  ['file', 'file'],
]
for (const [path, end] of ends) {
  test(`${path} is ${end}`, async () => {
    const place = await resolve(`${root}/${path}`)
    assert.equal(place.path, join(root, end))
    assert.equal(place.mount, undefined)
    assert.ok(place.status)
  })
}

test('a relative path starts at the working directory', async () => {
  assert.equal((await resolve('.')).path, process.cwd())
})

test('a mount point is found in mountinfo and not examined', async () => {
  for (const path of ['/proc', '/proc/', '/../proc', '/./proc/.']) {
    const place = await resolve(path)
    assert.equal(place.mount?.mountpoint, '/proc', path)
    assert.equal(place.status, undefined)
  }
  assert.equal((await resolve('/')).mount?.mountpoint, '/')
})

const failures: [string, number][] = [
  ['missing', errno.ENOENT],
  ['missing/deep', errno.ENOENT],
  ['file/deep', errno.ENOTDIR],
  ['loop1', errno.ELOOP],
  ['loop1/deep', errno.ELOOP],
  ['x'.repeat(300), errno.ENAMETOOLONG],
  ['a\0b', errno.EINVAL],
]
for (const [path, number] of failures) {
  test(`${JSON.stringify(path.slice(0, 20))} fails with errno ${number}`, async () => {
    await assert.rejects(
      resolve(`${root}/${path}`),
      (error) => error instanceof StepError && error.errno === number,
    )
  })
}

test('an empty path is no path', async () => {
  await assert.rejects(resolve(''), (error) => error instanceof StepError && error.errno === errno.ENOENT)
})

test('a path that does not answer costs its deadline, not more', async () => {
  const calls = { ...mountCalls(), realpath: () => new Promise<never>(() => {}) }
  const hung = resolvePlace(calls, new Deadline(20), join(root, 'real'))
  await assert.rejects(hung, (error) => error instanceof StepError && error.errno === errno.ETIMEDOUT)
})
