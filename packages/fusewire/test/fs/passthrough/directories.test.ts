import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { countFds } from './descriptors.js'
import { Tree } from './tree.js'

const bytesPath = (tree: Tree, name: string): Buffer =>
  Buffer.concat([Buffer.from(`${tree.dir}/`), Buffer.from(name, 'latin1')])

describe('directories of a passed-through directory', () => {
  let tree: Tree
  beforeEach(() => {
    tree = new Tree()
  })
  afterEach(() => tree.close())

  for (const plus of [false, true]) {
    const call = plus ? 'readdirplus' : 'readdir'

    it(`${call} gives every name once, whatever the room`, () => {
      const names = Array.from({ length: 700 }, (_, i) => `${i}-${'n'.repeat((i * 37) % 200)}`)
      for (const name of names) writeFileSync(tree.path(name), '')
      for (const size of [512, 4096, 100_000]) {
        const listed = tree.listAll(tree.opendir(), size, plus).map(({ name }) => name)
        assert.deepEqual(listed.sort(), ['.', '..', ...names].sort())
      }
    })

    it(`${call} goes on from any entry's position`, () => {
      for (let i = 0; i < 300; i++) writeFileSync(tree.path(`f${i}`), '')
      const handle = tree.opendir()
      const all = tree.listAll(handle, 8192, plus)
      for (const at of [250, 3, 120, 299, 0]) {
        const { cookieLow, cookieHigh } = all[at]!
        const next = tree.list(handle, cookieLow, cookieHigh, 1024, plus)[0]
        assert.equal(next?.name, all[at + 1]?.name)
      }
      const again = tree.listAll(handle, 4096, plus)
      assert.deepEqual(
        again.map(({ name }) => name),
        all.map(({ name }) => name),
      )
    })
  }

  it('a removal between two calls hides no other name', () => {
    for (let i = 0; i < 500; i++) writeFileSync(tree.path(`f${i}`), '')
    const handle = tree.opendir()
    const seen = new Set<string>()
    let low = 0
    let high = 0
    for (;;) {
      const part = tree.list(handle, low, high, 700)
      const last = part.at(-1)
      if (last === undefined) break
      for (const { name } of part) {
        seen.add(name)
        if (name.startsWith('f')) tree.unlink(name)
      }
      low = last.cookieLow
      high = last.cookieHigh
    }
    assert.equal(seen.size, 502)
    assert.deepEqual(readdirSync(tree.dir), [])
  })

  it('readdirplus counts one lookup for each name but the dots, and opens nothing', () => {
    mkdirSync(tree.path('d'))
    for (let i = 0; i < 50; i++) writeFileSync(tree.path(`f${i}`), 'x'.repeat(i))
    const handle = tree.opendir()
    const before = countFds()
    const listed = tree.listAll(handle, 4096, true)
    assert.equal(countFds(), before)
    assert.ok(listed.every(({ name, node }) => node !== 0 || name === '.' || name === '..'))
    const { node } = listed.find(({ name }) => name === 'f49')!
    assert.equal(tree.getattr(node).size, 49)
    assert.equal(tree.lookup('f49').node, node)
    tree.forget(node, 1)
    assert.equal(tree.getattr(node).size, 49)
    tree.forget(node, 1)
    assert.notEqual(tree.getattrError(node), 0)
  })

  it('names are bytes', () => {
    const name = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte))))
      .filter((bytes) => !['.', '..'].includes(bytes.toString('latin1')))
    fc.assert(
      fc.property(fc.uniqueArray(name, { selector: (bytes) => bytes.toString('latin1') }), (names) => {
        for (const bytes of names) writeFileSync(bytesPath(tree, bytes.toString('latin1')), bytes)
        const listed = tree.listAll(tree.opendir(), 4096).map((entry) => entry.name)
        const expected = names.map((bytes) => bytes.toString('latin1'))
        assert.deepEqual(listed.sort(), ['.', '..', ...expected].sort())
        for (const bytes of names) {
          const found = tree.lookup(bytes.toString('latin1'))
          assert.equal(found.size, bytes.length)
          assert.equal(tree.rename(bytes.toString('latin1'), 'moved'), 0)
          assert.equal(tree.lookup('moved').node, found.node)
          assert.equal(tree.unlink('moved'), 0)
        }
      }),
      { numRuns: 20 },
    )
    rmSync(tree.path('moved'), { force: true })
  })
})
