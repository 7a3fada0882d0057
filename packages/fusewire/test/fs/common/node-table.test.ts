import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NodeTable, type TableNode } from '../../../src/fs/common/node-table.js'

const node = (): TableNode => ({ id: 0, generation: 0, lookups: 0 })

test('ids start at 1, and a freed id comes back with another generation, the longest free first', () => {
  const table = new NodeTable<TableNode>()
  const nodes = [node(), node(), node()]
  for (const each of nodes) table.add(each)
  assert.deepEqual(
    nodes.map((each) => [each.id, each.generation]),
    [
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  )
  const [, second, third] = nodes
  assert.ok(second && third)
  table.remove(third)
  table.remove(second)
  assert.equal(table.get(3), undefined)
  const again = node()
  table.add(again)
  assert.deepEqual([again.id, again.generation], [3, 1])
  assert.throws(() => table.remove(third), /not in the table/)
})

test('no two nodes ever share an id and a generation', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), (steps) => {
      const table = new NodeTable<TableNode>()
      const alive: TableNode[] = []
      const used = new Set<string>()
      for (const step of steps) {
        if (step % 3 !== 0 || alive.length === 0) {
          const made = node()
          table.add(made)
          const key = `${made.id}:${made.generation}`
          assert.ok(!used.has(key), `${key} was given before`)
          used.add(key)
          alive.push(made)
        } else {
          const [gone] = alive.splice(step % alive.length, 1)
          if (gone) table.remove(gone)
        }
        assert.equal(table.size, alive.length)
        for (const each of alive) assert.equal(table.get(each.id), each)
        assert.equal([...table].length, alive.length)
      }
    }),
  )
})
