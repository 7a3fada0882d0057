import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Directory, DOTDOT_COOKIE } from '../../../src/fs/memory/directory.js'
import type { Inode } from '../../../src/fs/memory/inode.js'
import { settingsOf } from '../../../src/fs/memory/options.js'
import { Store } from '../../../src/fs/memory/store.js'

const node: Inode = new Store(settingsOf({})).root

/** Lists as readdir does, `piece` names at a time, and calls `between` after each piece. */
function listing(directory: Directory, piece: number, between: (shown: number) => void): string[] {
  const names: string[] = []
  let cookie = DOTDOT_COOKIE
  for (;;) {
    let put = 0
    for (let at = directory.positionAfter(cookie); put < piece; at++) {
      const entry = directory.at(at)
      if (entry === undefined) return names
      if (entry.node === null) continue
      names.push(entry.name)
      cookie = entry.cookie
      put++
    }
    between(names.length)
  }
}

test('names that stay are listed exactly once, whatever comes and goes between the pieces', () => {
  const change = fc.record({ add: fc.boolean(), pick: fc.nat({ max: 99 }) })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 30 }),
      (count, piece, rounds) => {
        const directory = new Directory()
        for (let i = 0; i < count; i++) directory.add(`stays-${i}`, node)
        let extra = 0
        for (; extra < count; extra++) directory.add(`goes-${extra}`, node)
        let round = 0
        const names = listing(directory, piece, () => {
          for (const { add, pick } of rounds[round++] ?? []) {
            const old = directory.get(`goes-${pick}`)
            if (add || old === undefined) directory.add(`goes-${extra++ + 1000}`, node)
            else directory.remove(old)
          }
        })
        for (let i = 0; i < count; i++) {
          assert.equal(names.filter((name) => name === `stays-${i}`).length, 1, `stays-${i}`)
        }
        assert.equal(new Set(names).size, names.length, 'no name comes twice')
      },
    ),
  )
})

test('a name made again has another cookie; size and bytes follow', () => {
  const directory = new Directory()
  directory.add('a', node)
  const first = directory.get('a')
  assert.ok(first)
  directory.remove(first)
  assert.equal(directory.bytes, 0)
  directory.add('a', node)
  assert.ok((directory.get('a')?.cookie ?? 0) > first.cookie)
  assert.equal(directory.size, 1)
})

test('1,000,000 names are listed once each while every listed one is removed, touching each entry a bounded number of times', () => {
  const COUNT = 1_000_000
  const PIECE = 1000
  const directory = new Directory()
  for (let i = 0; i < COUNT; i++) directory.add(`f${i}`, node)
  let cookie = DOTDOT_COOKIE
  let listed = 0
  let looked = 0
  for (let more = true; more; ) {
    const names: string[] = []
    let at = directory.positionAfter(cookie)
    for (; names.length < PIECE; at++) {
      looked++
      const entry = directory.at(at)
      if (entry === undefined) {
        more = false
        break
      }
      if (entry.node === null) continue
      names.push(entry.name)
      cookie = entry.cookie
    }
    listed += names.length
    for (const name of names) {
      const entry = directory.get(name)
      if (entry) directory.remove(entry)
    }
  }
  assert.equal(listed, COUNT)
  assert.equal(directory.size, 0)
  assert.ok(looked <= 2 * COUNT, `${looked} entries were looked at`)
})
