// The nodes of a tree without a kernel: one id for a name while it is known, none kept when all is forgotten.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import type { Entry } from '../../src/fs/tree/entries.js'
import { TreeNodes } from '../../src/fs/tree/nodes.js'
import { tree } from '../../src/fs/tree/tree.js'
import { BODY, Wire } from '../session/wire.js'

test('a name keeps its id while it is known, and gets a new one for an entry of another kind', () => {
  const root: Record<string, Entry> = { a: 'text' }
  const wire = Wire.start(tree(root))
  const id = (): number => abi.entryOut_nodeid(wire.lookup('a')!.words, BODY)
  const first = id()
  root.a = 'other text'
  assert.equal(id(), first)
  root.a = { now: 'a directory' }
  assert.notEqual(id(), first)
  delete root.a
  assert.equal(wire.lookup('a')!.error, -2)
})

test('a node that was forgotten is stale, and its name gets a new id', () => {
  const wire = Wire.start(tree({ a: 'text' }))
  const node = abi.entryOut_nodeid(wire.lookup('a')!.words, BODY)
  wire.send({ opcode: Op.FORGET, node, fill: (words, op) => abi.setForgetIn_nlookup(words, op, 1) })
  const stale = wire.call({ opcode: Op.GETATTR, node })!
  assert.equal(stale.error, -116)
  assert.notEqual(abi.entryOut_nodeid(wire.lookup('a')!.words, BODY), node)
})

test('counts of lookups and forgets end at zero', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.boolean()), { maxLength: 200 }), (steps) => {
      const nodes = new TreeNodes({})
      const root = nodes.get(1)
      const counts = new Map<number, number>()
      for (const [at, isFile] of steps) {
        const { id } = nodes.lookup(root, at, isFile ? 'text' : {})
        counts.set(id, (counts.get(id) ?? 0) + 1)
      }
      for (const [id, count] of counts) {
        nodes.forget(id, count - 1)
        assert.notEqual(nodes.find(id), undefined)
        nodes.forget(id, 1)
        assert.equal(nodes.find(id), undefined)
      }
      for (const at of ['a', 'b', 'c', 'd']) assert.equal(nodes.known(root, at), undefined)
      nodes.forget(1, 1000)
      assert.equal(nodes.get(1), root)
    }),
  )
})
