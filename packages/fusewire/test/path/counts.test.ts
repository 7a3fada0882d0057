// The nodes that the bridge keeps for the kernel: exact counts, and nothing left when the kernel has forgotten all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Op } from '../../src/abi/gen/opcodes.js'
import * as abi from '../../src/abi/gen/structs.js'
import { PathBridge } from '../../src/api/path/path-bridge.js'
import { PathTree } from '../../src/api/path/path-tree.js'
import { BODY, Wire } from '../session/wire.js'
import { Store } from './store.js'

function forget(wire: Wire, node: number, count: number): void {
  wire.send({
    opcode: Op.FORGET,
    node,
    fill: (words, op) => abi.setForgetIn_nlookup(words, op, count),
  })
}

test('lookups and forgets end at the root alone', async () => {
  const store = new Store(false)
  const bridge = new PathBridge(store)
  const wire = Wire.start(bridge)
  const mkdir = async (parent: number, name: string): Promise<number> => {
    const reply = await wire.wait(wire.send({ opcode: Op.MKDIR, node: parent, names: [name] }))
    assert.equal(reply.error, 0)
    return abi.entryOut_nodeid(reply.words, BODY)
  }
  const a = await mkdir(1, 'a')
  const b = await mkdir(a, 'b')
  const c = await mkdir(b, 'c')
  for (let i = 0; i < 1000; i++) assert.equal(wire.lookup('c', b)!.error, 0)
  forget(wire, a, 1)
  forget(wire, b, 1)
  assert.equal(bridge.nodeCount, 4, 'a child keeps its parents')
  forget(wire, c, 1000)
  assert.equal(bridge.nodeCount, 4)
  forget(wire, c, 1)
  assert.equal(bridge.nodeCount, 1)
  forget(wire, 999, 5)
  forget(wire, 1, 5)
  assert.equal(bridge.nodeCount, 1)
})

test('the library owns the hidden names', async () => {
  const wire = Wire.start(new PathBridge(new Store(false)))
  const made = await wire.wait(wire.send({ opcode: Op.MKDIR, names: ['.fusewire_hidden_1'] }))
  assert.equal(made.error, -1)
  assert.equal(wire.lookup('.fusewire_hidden_1')!.error, -2)
})

test('a file that somebody else replaced is another node', () => {
  const store = new Store(false)
  const wire = Wire.start(new PathBridge(store))
  const ids: number[] = []
  for (const mode of [0o100644, 0o040755, 0o120777]) {
    store.items.set('/x', { ...store.items.get('/')!, mode })
    ids.push(abi.entryOut_nodeid(wire.lookup('x')!.words, BODY))
  }
  store.items.get('/x')!.ino = 77
  ids.push(abi.entryOut_nodeid(wire.lookup('x')!.words, BODY))
  assert.equal(new Set(ids).size, 4)
})

test('paths follow any renames; nothing is kept when all is forgotten', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const place = fc.tuple(name, name)
  const step = fc.oneof(
    fc.record({ do: fc.constant('lookup' as const), at: place }),
    fc.record({ do: fc.constant('move' as const), at: place, to: place }),
    fc.record({ do: fc.constant('exchange' as const), at: place, to: place }),
    fc.record({ do: fc.constant('detach' as const), at: place }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const tree = new PathTree()
      const parents = new Map(['a', 'b', 'c'].map((dir) => [dir, tree.lookup(tree.root, dir)]))
      // The model: which id stands at which path.
      const model = new Map<string, number>()
      const counts = new Map<number, number>()
      const key = ([dir, leaf]: [string, string]): string => `/${dir}/${leaf}`
      const take = (at: string): number | undefined => {
        const id = model.get(at)
        model.delete(at)
        return id
      }
      const put = (at: string, id: number | undefined): void => {
        if (id !== undefined) model.set(at, id)
      }
      for (const one of steps) {
        const [dir, leaf] = one.at
        const parent = parents.get(dir)!
        const from = key(one.at)
        if (one.do === 'lookup') {
          const { id } = tree.lookup(parent, leaf)
          assert.ok((model.get(from) ?? id) === id)
          model.set(from, id)
          counts.set(id, (counts.get(id) ?? 0) + 1)
        } else if (one.do === 'detach') {
          tree.detach(parent, leaf)
          take(from)
        } else if (key(one.to) !== from) {
          const into = parents.get(one.to[0])!
          const [mine, other] = [take(from), take(key(one.to))]
          if (one.do === 'exchange') {
            tree.exchange(parent, leaf, into, one.to[1])
            put(from, other)
          } else {
            tree.detach(into, one.to[1])
            tree.move(parent, leaf, into, one.to[1])
          }
          put(key(one.to), mine)
        }
        for (const [path, id] of model) assert.equal(tree.path(tree.get(id)!), path)
      }
      for (const [id, count] of counts) tree.forget(id, count)
      for (const { id } of parents.values()) tree.forget(id, 1)
      assert.equal(tree.size, 1)
    }),
  )
})
