import assert from 'node:assert/strict'
import type { LockRange } from '../kernel/lock.js'
import type { PosixHandle } from '../posix-fs.js'
import { type Bench, type Case, fails, group } from './case.js'

/** The same file, open in two processes. */
async function two(bench: Bench): Promise<[PosixHandle, PosixHandle, () => Promise<unknown>]> {
  const path = await bench.file('f', 'locked')
  const [one, other] = [await bench.as({ uid: 0, gid: 0 }), await bench.as({ uid: 0, gid: 0 })]
  const a = await one.open(path, 'r+')
  const b = await other.open(path, 'r+')
  return [a, b, () => Promise.all([a.close(), b.close()])]
}

/** Pairs of ranges, and whether they are in each other's way. */
const PAIRS: readonly [string, LockRange, LockRange, boolean][] = [
  ['write and write', { type: 'write' }, { type: 'write' }, true],
  ['write and read', { type: 'write' }, { type: 'read' }, true],
  ['read and write', { type: 'read' }, { type: 'write' }, true],
  ['read and read', { type: 'read' }, { type: 'read' }, false],
  ['side by side', { type: 'write', start: 0, length: 10 }, { type: 'write', start: 10, length: 10 }, false],
  [
    'one byte in common',
    { type: 'write', start: 0, length: 11 },
    { type: 'write', start: 10, length: 10 },
    true,
  ],
  [
    'to the end and far behind',
    { type: 'write', start: 100 },
    { type: 'write', start: 2 ** 40, length: 1 },
    true,
  ],
  ['before one to the end', { type: 'write', start: 100 }, { type: 'write', start: 0, length: 100 }, false],
]

const ranges = group('locks of byte ranges', (add) => {
  for (const [title, first, second, conflict] of PAIRS) {
    add(`${title}: ${conflict ? 'EAGAIN' : 'both'}`, ['posix', 'processes', 'locks'], async (bench) => {
      const [a, b, close] = await two(bench)
      await a.lock(first)
      if (conflict) await fails(b.lock(second), 'EAGAIN', 'EACCES')
      else await b.lock(second)
      await close()
    })
  }
  add('getlk tells who is in the way', ['posix', 'processes', 'locks'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write', start: 5, length: 10 })
    const found = await b.getLock({ type: 'read', start: 0, length: 100 })
    assert.deepEqual([found?.type, found?.start, found?.length], ['write', 5, 10])
    assert.equal(await a.getLock({ type: 'write', start: 0, length: 100 }), null)
    assert.equal(await b.getLock({ type: 'read', start: 15, length: 100 }), null)
    await close()
  })
  add('unlocking the middle leaves both ends', ['posix', 'processes', 'locks'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write', start: 0, length: 30 })
    await a.lock({ type: 'unlock', start: 10, length: 10 })
    await b.lock({ type: 'write', start: 10, length: 10 })
    await fails(b.lock({ type: 'write', start: 9, length: 1 }), 'EAGAIN', 'EACCES')
    await fails(b.lock({ type: 'write', start: 20, length: 1 }), 'EAGAIN', 'EACCES')
    await close()
  })
  add('a process changes its own lock', ['posix', 'processes', 'locks'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write' })
    await a.lock({ type: 'read' })
    await b.lock({ type: 'read' })
    await fails(a.lock({ type: 'write' }), 'EAGAIN', 'EACCES')
    await close()
  })
  add('closing the file gives the locks back', ['posix', 'processes', 'locks'], async (bench) => {
    const [a, b] = await two(bench)
    await a.lock({ type: 'write' })
    await a.close()
    await b.lock({ type: 'write' })
    await b.close()
  })
  add('who waits gets the lock when it is free', ['posix', 'processes', 'locks'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write' })
    let had = false
    const waiting = b.lock({ type: 'write' }, { wait: true }).then(() => {
      had = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(had, false)
    await a.lock({ type: 'unlock' })
    await waiting
    await fails(a.lock({ type: 'write' }), 'EAGAIN', 'EACCES')
    await close()
  })
  add('a lock for what the file is not open for is EBADF', ['posix', 'locks'], async (bench) => {
    const file = await bench.posix.open(await bench.file('f'), 'r')
    await fails(file.lock({ type: 'write' }), 'EBADF')
    await file.lock({ type: 'read' })
    await file.close()
  })
})

const whole = group('locks of whole files', (add) => {
  add('an exclusive one keeps all others out', ['posix', 'processes', 'flock'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write' }, { flock: true })
    await fails(b.lock({ type: 'write' }, { flock: true }), 'EAGAIN')
    await fails(b.lock({ type: 'read' }, { flock: true }), 'EAGAIN')
    await a.lock({ type: 'unlock' }, { flock: true })
    await b.lock({ type: 'write' }, { flock: true })
    await close()
  })
  add('shared ones go together', ['posix', 'processes', 'flock'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'read' }, { flock: true })
    await b.lock({ type: 'read' }, { flock: true })
    await fails(a.lock({ type: 'write' }, { flock: true }), 'EAGAIN')
    await close()
  })
  add('two handles of one process have two locks', ['posix', 'flock'], async (bench) => {
    const path = await bench.file('f')
    const [a, b] = [await bench.posix.open(path, 'r+'), await bench.posix.open(path, 'r+')]
    await a.lock({ type: 'write' }, { flock: true })
    await fails(b.lock({ type: 'write' }, { flock: true }), 'EAGAIN')
    await a.close()
    await b.lock({ type: 'write' }, { flock: true })
    await b.close()
  })
  add('do not meet locks of byte ranges', ['posix', 'processes', 'locks', 'flock'], async (bench) => {
    const [a, b, close] = await two(bench)
    await a.lock({ type: 'write' }, { flock: true })
    await b.lock({ type: 'write' })
    await close()
  })
})

export const lockCases: readonly Case[] = [...ranges, ...whole]
