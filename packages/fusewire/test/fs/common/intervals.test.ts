import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { IntervalSet } from '../../../src/fs/common/intervals.js'

const operation = fc.record({
  kind: fc.constantFrom('add', 'delete', 'count'),
  start: fc.integer({ min: 0, max: 60 }),
  length: fc.integer({ min: 0, max: 30 }),
})

test('an interval set holds what a set of single numbers holds', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
      const set = new IntervalSet()
      const model = new Set<number>()
      for (const { kind, start, length } of operations) {
        const range = Array.from({ length }, (_, i) => start + i)
        const had = range.filter((n) => model.has(n)).length
        if (kind === 'add') {
          set.add(start, start + length)
          for (const n of range) model.add(n)
        } else if (kind === 'delete') {
          assert.equal(set.delete(start, start + length), had)
          for (const n of range) model.delete(n)
        } else {
          assert.equal(set.count(start, start + length), had)
        }
        assert.equal(set.total, model.size)
      }
      const listed: number[] = []
      let lastEnd = -1
      for (const [start, end] of set) {
        assert.ok(start > lastEnd, 'ranges are sorted and do not touch')
        for (let n = start; n < end; n++) listed.push(n)
        lastEnd = end
      }
      assert.deepEqual(
        listed,
        [...model].sort((a, b) => a - b),
      )
    }),
  )
})

test('ranges reach to 2^53-1', () => {
  const set = new IntervalSet()
  set.add(0, Number.MAX_SAFE_INTEGER)
  assert.equal(set.delete(10, Infinity), Number.MAX_SAFE_INTEGER - 10)
  assert.equal(set.total, 10)
})
