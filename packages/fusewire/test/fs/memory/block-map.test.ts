import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BlockMap, MAP_BLOCKS } from '../../../src/fs/memory/block-map.js'

const bound = fc.integer({ min: 0, max: MAP_BLOCKS })

test('a block map knows what an array of booleans knows', () => {
  const step = fc.record({ set: fc.boolean(), a: bound, b: bound })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const map = new BlockMap()
      const model: boolean[] = new Array(MAP_BLOCKS).fill(false)
      for (const { set, a, b } of steps) {
        const from = Math.min(a, b)
        const to = Math.max(a, b)
        const changed = model.slice(from, to).filter((is) => is !== set).length
        assert.equal(set ? map.set(from, to) : map.clear(from, to), changed)
        model.fill(set, from, to)
        assert.equal(map.size, model.filter(Boolean).length)
        assert.equal(map.count(from, to), model.slice(from, to).filter(Boolean).length)
        for (const at of [from, to, 0, 31, 32, 255].filter((n) => n < MAP_BLOCKS)) {
          const data = model.indexOf(true, at)
          const hole = model.indexOf(false, at)
          assert.equal(map.next(at, true), data < 0 ? MAP_BLOCKS : data)
          assert.equal(map.next(at, false), hole < 0 ? MAP_BLOCKS : hole)
        }
      }
    }),
  )
})
