import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errnoName } from '../../../src/api/errors.js'
import { FALLOC, LOCK_TYPE, POLL, SEEK } from '../../../src/fs/common/constants.js'
import { Direct } from './direct.js'

const ROOT = 1
const { RDLCK, WRLCK, UNLCK } = LOCK_TYPE

function is(result: unknown, name: string): void {
  assert.equal(typeof result === 'number' && result < 0 ? errnoName(-result) : result, name)
}

test('ENOSPC: blocks and inodes run out and come back, and statfs says so', () => {
  const d = new Direct({ size: 10 * 4096, inodes: 4 })
  assert.deepEqual(d.statfs(), { blocks: 10, bfree: 10, files: 4, ffree: 3 })
  const [file] = d.create(ROOT, 'f')
  assert.equal(d.fs.write(d.req, file, 0, 0, Buffer.alloc(50_000)), 40_960)
  is(d.fs.write(d.req, file, 0, 40_960, Buffer.alloc(1)), 'ENOSPC')
  is(d.fs.fallocate(d.req, file, 0, 40_960, 1, 0), 'ENOSPC')
  is(d.setxattr(file, 'user.large', Buffer.alloc(1000)), 'ENOSPC')
  assert.deepEqual(d.statfs(), { blocks: 10, bfree: 0, files: 4, ffree: 2 })
  d.mknod(ROOT, 'g')
  d.mknod(ROOT, 'h')
  is(d.mknod(ROOT, 'i'), 'ENOSPC')
  assert.throws(() => d.tmpfile(ROOT), /-28/)
  assert.equal(d.fs.unlink(d.req, ROOT, 'f'), 0)
  d.fs.forget(file, 1)
  d.fs.release(d.req, file, 1)
  assert.equal(d.statfs().bfree, 10)
  assert.equal(d.statfs().ffree, 1)
})

test('names cost space too: a full filesystem refuses more of them, with everything as it was', () => {
  const d = new Direct({ size: 4096, inodes: 1000 })
  let made = 0
  for (; made < 900; made++) {
    const result = d.mknod(ROOT, `a-rather-long-name-${made}`)
    if (result < 0) {
      is(result, 'ENOSPC')
      break
    }
  }
  assert.ok(made > 50 && made < 150, `${made} names were made`)
  assert.equal(d.fs.usage().inodes, made + 1)
  is(d.symlink(ROOT, 'l', 'x'), 'ENOSPC')
  for (let i = 0; i < made; i++) assert.equal(d.fs.unlink(d.req, ROOT, `a-rather-long-name-${i}`), 0)
  assert.equal(d.fs.usage().bytes, 0)
  const file = d.mknod(ROOT, 'f')
  assert.equal(d.fs.write(d.req, file, 0, 0, Buffer.from('x')), 1)
  is(d.symlink(ROOT, 'l', 'x'.repeat(4095)), 'ENOSPC')
  is(d.lookup(ROOT, 'l'), 'ENOENT')
  assert.deepEqual([d.fs.usage().inodes, d.fs.usage().bytes], [made + 2, 4096])
})

test('EDQUOT: a user meets the own limit, others do not; a chown moves what is owed', () => {
  const d = new Direct({ size: '1M', quotas: { 1000: { size: 8192, inodes: 2 } }, userQuota: { inodes: 1 } })
  d.as(1000, 100)
  const [mine] = d.create(ROOT, 'mine')
  assert.equal(d.fs.write(d.req, mine, 0, 0, Buffer.alloc(10_000)), 8192)
  is(d.fs.write(d.req, mine, 0, 8192, Buffer.alloc(1)), 'EDQUOT')
  assert.ok(d.mknod(ROOT, 'second') > 0)
  is(d.mknod(ROOT, 'third'), 'EDQUOT')
  d.as(2000, 100)
  assert.ok(d.mknod(ROOT, 'other') > 0)
  is(d.mknod(ROOT, 'another'), 'EDQUOT')
  d.as(0, 0)
  const [roots] = d.create(ROOT, 'roots')
  assert.equal(d.fs.write(d.req, roots, 0, 0, Buffer.alloc(10_000)), 10_000)
  is(d.setattr(roots, { uid: 1000 }), 'EDQUOT')
  assert.equal(d.stat(roots).uid, 0)
  assert.notEqual(typeof d.setattr(mine, { uid: 0 }), 'number')
  d.as(1000, 100)
  assert.ok(d.mknod(ROOT, 'third') > 0)
  is(d.setattr(roots, { uid: 1000 }), 'EDQUOT')
})

test('EFBIG: no file beyond the limit, a write up to it is short', () => {
  const d = new Direct({ fileSizeMax: 100 })
  const [file] = d.create(ROOT, 'f')
  assert.equal(d.fs.write(d.req, file, 0, 90, Buffer.alloc(20)), 10)
  is(d.fs.write(d.req, file, 0, 100, Buffer.alloc(1)), 'EFBIG')
  is(d.setattr(file, { size: 101 }), 'EFBIG')
  is(d.fs.fallocate(d.req, file, 0, 50, 51, 0), 'EFBIG')
  const big = new Direct()
  const [huge] = big.create(ROOT, 'f')
  assert.notEqual(typeof big.setattr(huge, { size: Number.MAX_SAFE_INTEGER }), 'number')
  is(big.fs.write(big.req, huge, 0, Number.MAX_SAFE_INTEGER, Buffer.alloc(1)), 'EFBIG')
  assert.equal(big.fs.write(big.req, huge, 0, Number.MAX_SAFE_INTEGER - 1, Buffer.from('zz')), 1)
  assert.equal(big.read(huge, Number.MAX_SAFE_INTEGER - 2, 10).toString('latin1'), '\0z')
})

test('fallocate, lseek and copy_file_range answer for the wrong kind of node and range', () => {
  const d = new Direct()
  const dir = d.mkdir(ROOT, 'd')
  const [file] = d.create(ROOT, 'f')
  const [other] = d.create(ROOT, 'o')
  d.fs.write(d.req, file, 0, 0, Buffer.from('0123456789'))
  is(d.fs.fallocate(d.req, dir, 0, 0, 1, 0), 'EISDIR')
  is(d.fs.fallocate(d.req, file, 0, 0, 0, 0), 'EINVAL')
  is(d.fs.fallocate(d.req, file, 0, 0, 1, FALLOC.PUNCH_HOLE), 'EOPNOTSUPP')
  is(d.fs.fallocate(d.req, file, 0, 0, 1, 0x08), 'EOPNOTSUPP')
  assert.equal(d.fs.fallocate(d.req, file, 0, 2, 3, FALLOC.PUNCH_HOLE | FALLOC.KEEP_SIZE), 0)
  assert.equal(d.read(file, 0, 20).toString('latin1'), '01\0\0\x0056789')
  assert.equal(d.fs.fallocate(d.req, file, 0, 9, 5, FALLOC.ZERO_RANGE), 0)
  assert.equal(d.stat(file).size, 14)
  assert.equal(d.fs.fallocate(d.req, file, 0, 0, 10_000, FALLOC.KEEP_SIZE), 0)
  assert.deepEqual([d.stat(file).size, d.stat(file).blocks], [14, 24])
  is(d.fs.lseek(d.req, file, 0, 14, SEEK.DATA), 'ENXIO')
  is(d.fs.lseek(d.req, dir, 0, 0, SEEK.DATA), 'EINVAL')
  assert.equal(d.fs.lseek(d.req, file, 0, 3, SEEK.HOLE), 14)
  assert.equal(d.fs.copyFileRange(d.req, file, 0, 5, other, 0, 100, 4, 0), 4)
  assert.equal(d.read(other, 100, 10).toString(), '5678')
  assert.equal(d.stat(other).size, 104)
  is(d.fs.copyFileRange(d.req, file, 0, 0, file, 0, 2, 4, 0), 'EINVAL')
  is(d.fs.copyFileRange(d.req, file, 0, 0, other, 0, 0, 4, 1), 'EINVAL')
  is(d.fs.copyFileRange(d.req, dir, 0, 0, other, 0, 0, 4, 0), 'EINVAL')
  assert.equal(d.fs.copyFileRange(d.req, file, 0, 50, other, 0, 0, 4, 0), 0)
})

test('locks: held, asked for, released by flush of their owner and by release of their file', async () => {
  const d = new Direct()
  const [file, first] = d.create(ROOT, 'f')
  const [second] = d.open(file)
  assert.notEqual(first, second)
  assert.equal(d.setlk(1, file, first, WRLCK, [0, 9]), 0)
  assert.deepEqual(d.getlk(2, file, RDLCK, [5, 5]), [WRLCK, 1])
  assert.deepEqual(d.getlk(1, file, RDLCK, [5, 5]), [UNLCK, 0])
  is(d.setlk(2, file, second, RDLCK, [5, 5]), 'EAGAIN')
  const waiting = d.setlk(2, file, second, RDLCK, [5, 5], true)
  d.with({ owner: 3 }).fs.flush(d.req, file, first)
  assert.deepEqual(d.getlk(3, file, RDLCK, [5, 5]), [WRLCK, 1], 'the flush of another owner changes nothing')
  d.with({ owner: 1 }).fs.flush(d.req, file, first)
  assert.equal(await waiting, 0)
  assert.equal(d.flock(11, file, first, WRLCK), 0)
  is(d.flock(12, file, second, RDLCK), 'EAGAIN')
  const flocking = d.flock(12, file, second, RDLCK, true)
  d.fs.release(d.req, file, first)
  assert.equal(await flocking, 0)
  assert.equal(d.setlk(77, file, second, WRLCK, [50, Infinity]), 0)
  d.fs.release(d.req, file, second)
  assert.deepEqual(d.getlk(1, file, WRLCK, [0, Infinity]), [UNLCK, 0])
})

test('a wait for a lock ends with the interrupt; a circle is EDEADLK', async () => {
  const d = new Direct()
  const [a] = d.create(ROOT, 'a')
  const [b] = d.create(ROOT, 'b')
  d.setlk(1, a, 1, WRLCK, [0, 0])
  d.setlk(2, b, 2, WRLCK, [0, 0])
  const waiting = d.setlk(1, b, 1, WRLCK, [0, 0], true)
  is(d.setlk(2, a, 2, WRLCK, [0, 0], true), 'EDEADLK')
  d.abort.abort()
  is(await waiting, 'EINTR')
})

test('poll: files are always ready; POLLPRI tells of a change and wakes who waits for it', () => {
  const d = new Direct()
  const [file, handle] = d.create(ROOT, 'f')
  const both = POLL.IN | POLL.OUT
  assert.equal(d.fs.poll(d.req, file, handle, both | POLL.ERR, undefined), both)
  const wake = { low: 1, high: 2 }
  assert.equal(d.fs.poll(d.req, file, handle, POLL.PRI, wake), 0)
  assert.deepEqual(d.woken, [])
  d.fs.write(d.req, file, handle, 0, Buffer.from('news'))
  assert.deepEqual(d.woken, [wake])
  assert.equal(d.fs.poll(d.req, file, handle, POLL.PRI | POLL.IN, wake), POLL.PRI | POLL.IN)
  assert.equal(d.fs.poll(d.req, file, handle, POLL.PRI, wake), 0)
  d.fs.release(d.req, file, handle)
  d.fs.write(d.req, file, handle, 0, Buffer.from('more'))
  assert.equal(d.woken.length, 1)
})
