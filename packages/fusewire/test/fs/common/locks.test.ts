import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { errno } from '../../../src/api/errors.js'
import { LOCK_TYPE } from '../../../src/fs/common/constants.js'
import { LockList, type LockRecord } from '../../../src/fs/common/lock-list.js'
import { LockManager, NodeLocks } from '../../../src/fs/common/locks.js'

const { RDLCK, WRLCK, UNLCK } = LOCK_TYPE
const BYTES = 24

function record(owner: number, start: number, end: number, type: number, handle = owner): LockRecord {
  return { start, end, type, pid: owner, ownerLow: owner, ownerHigh: 0, handle }
}

const request = fc
  .record({
    owner: fc.integer({ min: 1, max: 3 }),
    start: fc.integer({ min: 0, max: BYTES - 1 }),
    length: fc.integer({ min: 1, max: BYTES }),
    type: fc.constantFrom(RDLCK, WRLCK, UNLCK),
  })
  .map(({ owner, start, length, type }) =>
    record(owner, start, Math.min(BYTES - 1, start + length - 1), type),
  )

test('ranges of locks behave as one lock for each byte and owner', () => {
  fc.assert(
    fc.property(fc.array(request, { maxLength: 30 }), (requests) => {
      const list = new LockList()
      // held[byte] maps an owner to the type of its lock on that byte.
      const held = Array.from({ length: BYTES }, () => new Map<number, number>())
      for (const wanted of requests) {
        const bytes = held.slice(wanted.start, wanted.end + 1)
        const blocked =
          wanted.type !== UNLCK &&
          bytes.some((byte) =>
            [...byte].some(
              ([owner, type]) => owner !== wanted.pid && (type === WRLCK || wanted.type === WRLCK),
            ),
          )
        assert.equal(list.conflict(wanted) !== null, blocked)
        if (blocked) continue
        list.apply(wanted)
        for (const byte of bytes) {
          if (wanted.type === UNLCK) byte.delete(wanted.pid)
          else byte.set(wanted.pid, wanted.type)
        }
        const seen = Array.from({ length: BYTES }, () => new Map<number, number>())
        for (const lock of list) {
          for (let byte = lock.start; byte <= lock.end; byte++) {
            assert.ok(!seen[byte]?.has(lock.pid), 'locks of one owner do not overlap')
            seen[byte]?.set(lock.pid, lock.type)
          }
        }
        for (let byte = 0; byte < BYTES; byte++) {
          assert.deepEqual([...(seen[byte] ?? [])].sort(), [...(held[byte] ?? [])].sort())
        }
        for (const a of list) {
          for (const b of list) {
            const neighbours = a.pid === b.pid && a.type === b.type && a.end + 1 === b.start
            assert.ok(!neighbours, 'neighbours of one owner and type are one lock')
          }
        }
      }
    }),
  )
})

test('a lock to the end of the file covers everything behind its start, and can be cut', () => {
  const list = new LockList()
  list.apply(record(1, 100, Infinity, WRLCK))
  assert.equal(list.conflict(record(2, 2 ** 53 - 1, 2 ** 53 - 1, RDLCK))?.pid, 1)
  assert.equal(list.conflict(record(2, 0, 99, WRLCK)), null)
  list.apply(record(1, 200, 299, UNLCK))
  assert.deepEqual(
    [...list].map((lock) => [lock.start, lock.end]),
    [
      [100, 199],
      [300, Infinity],
    ],
  )
})

const never = (): AbortSignal => new AbortController().signal

test('a waiting lock is granted when the way is free, first come first served', async () => {
  const manager = new LockManager()
  const locks = new NodeLocks()
  const order: number[] = []
  assert.equal(manager.setPosix(locks, record(1, 0, 9, WRLCK), true, never), 0)
  assert.equal(manager.setPosix(locks, record(2, 0, 9, WRLCK), false, never), -errno.EAGAIN)
  const second = Promise.resolve(manager.setPosix(locks, record(2, 5, 9, WRLCK), true, never)).then((r) => {
    order.push(2)
    return r
  })
  const third = Promise.resolve(manager.setPosix(locks, record(3, 5, 5, WRLCK), true, never)).then((r) => {
    order.push(3)
    return r
  })
  assert.equal(manager.setPosix(locks, record(1, 0, 4, UNLCK), true, never), 0)
  assert.equal(locks.waiters.length, 2)
  assert.equal(manager.setPosix(locks, record(1, 0, 9, UNLCK), true, never), 0)
  assert.equal(await second, 0)
  assert.equal(locks.waiters.length, 1)
  manager.dropOwner(locks, 2, 0)
  assert.equal(await third, 0)
  assert.deepEqual(order, [2, 3])
})

test('a downgrade lets readers in', async () => {
  const manager = new LockManager()
  const locks = new NodeLocks()
  manager.setPosix(locks, record(1, 0, 9, WRLCK), true, never)
  const reader = manager.setPosix(locks, record(2, 0, 9, RDLCK), true, never)
  manager.setPosix(locks, record(1, 0, 9, RDLCK), true, never)
  assert.equal(await reader, 0)
})

test('an interrupted wait ends with EINTR and leaves nothing behind', async () => {
  const manager = new LockManager()
  const locks = new NodeLocks()
  const controller = new AbortController()
  manager.setPosix(locks, record(1, 0, 9, WRLCK), true, never)
  const waiting = manager.setPosix(locks, record(2, 0, 9, WRLCK), true, () => controller.signal)
  controller.abort()
  assert.equal(await waiting, -errno.EINTR)
  assert.equal(locks.waiters.length, 0)
  manager.dropOwner(locks, 1, 0)
  assert.ok(locks.isEmpty)
  assert.equal(
    manager.setPosix(locks, record(3, 0, 9, WRLCK), true, () => controller.signal),
    0,
  )
  assert.equal(
    manager.setPosix(locks, record(2, 0, 9, WRLCK), true, () => controller.signal),
    -errno.EINTR,
  )
})

test('a circle of waiting owners is refused with EDEADLK, over two files and over three owners', async () => {
  const manager = new LockManager()
  const a = new NodeLocks()
  const b = new NodeLocks()
  const c = new NodeLocks()
  manager.setPosix(a, record(1, 0, 0, WRLCK), true, never)
  manager.setPosix(b, record(2, 0, 0, WRLCK), true, never)
  manager.setPosix(c, record(3, 0, 0, WRLCK), true, never)
  const first = manager.setPosix(b, record(1, 0, 0, WRLCK), true, never)
  const second = manager.setPosix(c, record(2, 0, 0, RDLCK), true, never)
  assert.equal(manager.setPosix(a, record(3, 0, 0, WRLCK), true, never), -errno.EDEADLK)
  manager.dropOwner(c, 3, 0)
  assert.equal(await second, 0)
  manager.dropOwner(b, 2, 0)
  assert.equal(await first, 0)
})

test('a circle that closes only when somebody else gets the lock is found too', async () => {
  const manager = new LockManager()
  const a = new NodeLocks()
  const b = new NodeLocks()
  manager.setPosix(a, record(1, 0, 0, WRLCK), true, never)
  manager.setPosix(b, record(9, 0, 0, WRLCK), true, never)
  const two = manager.setPosix(b, record(2, 0, 0, WRLCK), true, never)
  const one = manager.setPosix(b, record(1, 0, 0, WRLCK), true, never)
  const twoWantsA = manager.setPosix(a, record(2, 0, 0, WRLCK), true, never)
  // 2 gets b before 1 does: now 1 waits for 2, and 2 for 1.
  manager.dropOwner(b, 9, 0)
  assert.equal(await two, 0)
  const outcome = await Promise.race([one, twoWantsA])
  assert.equal(outcome, -errno.EDEADLK)
})

test('flock: shared and exclusive, changing the type gives the old lock up first, no circle is looked for', async () => {
  const manager = new LockManager()
  const locks = new NodeLocks()
  const whole = (owner: number, type: number): LockRecord => record(owner, 0, Infinity, type)
  assert.equal(manager.setFlock(locks, whole(1, RDLCK), false, never), 0)
  assert.equal(manager.setFlock(locks, whole(2, RDLCK), false, never), 0)
  assert.equal(manager.setFlock(locks, whole(1, WRLCK), false, never), -errno.EAGAIN)
  assert.equal(locks.flock.size, 1, 'the shared lock of 1 is lost, as flock(2) says')
  const waiting = manager.setFlock(locks, whole(1, WRLCK), true, never)
  assert.equal(manager.setFlock(locks, whole(2, UNLCK), false, never), 0)
  assert.equal(await waiting, 0)
  assert.equal(
    manager.setPosix(locks, record(3, 0, 9, WRLCK), false, never),
    0,
    'the two kinds do not see each other',
  )
  manager.dropHandle(locks, 1)
  manager.dropHandle(locks, 3)
  assert.ok(locks.isEmpty)
})
