import assert from 'node:assert/strict'
import { linkSync, mkdirSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { errno } from '../../../src/api/errors.js'
import { countFds } from './descriptors.js'
import { Tree } from './tree.js'

describe('nodes of a passed-through directory', () => {
  let tree: Tree
  beforeEach(() => {
    tree = new Tree()
  })
  afterEach(() => tree.close())

  it('have the inode numbers of the files, and hard links share a node', () => {
    writeFileSync(tree.path('a'), 'abc')
    linkSync(tree.path('a'), tree.path('b'))
    const a = tree.lookup('a')
    const b = tree.lookup('b')
    assert.deepEqual(a, b)
    assert.equal(a.ino, statSync(tree.path('a')).ino)
    assert.deepEqual([a.size, a.nlink], [3, 2])
    assert.equal(tree.link(a.node, 'c').nlink, 3)
    assert.equal(statSync(tree.path('c')).ino, a.ino)
  })

  it('count each lookup, and close their descriptor with the last forget', () => {
    for (let i = 0; i < 20; i++) writeFileSync(tree.path(`f${i}`), '')
    const before = countFds()
    const nodes = Array.from({ length: 20 }, (_, i) => tree.lookup(`f${i}`).node)
    for (let i = 0; i < 20; i++) assert.equal(tree.lookup(`f${i}`).node, nodes[i])
    assert.equal(countFds(), before + 20)
    for (const node of nodes) tree.forget(node)
    assert.equal(countFds(), before + 20)
    for (const node of nodes) tree.forget(node)
    assert.equal(countFds(), before)
    assert.equal(tree.getattrError(nodes[0]!), -errno.ESTALE)
  })

  it('use an id again only with another generation', () => {
    writeFileSync(tree.path('a'), '')
    const first = tree.lookup('a')
    tree.forget(first.node)
    const second = tree.lookup('a')
    assert.equal(second.node, first.node)
    assert.notEqual(second.generation, first.generation)
  })

  it('stay what they are when they move, by the mount or without it', () => {
    mkdirSync(tree.path('d'))
    writeFileSync(tree.path('a'), 'abc')
    const { node } = tree.lookup('a')
    const dir = tree.lookup('d')
    assert.equal(tree.rename('a', 'b', 1, dir.node), 0)
    assert.equal(tree.lookup('b', dir.node).node, node)
    renameSync(tree.path('d', 'b'), tree.path('c'))
    assert.equal(tree.lookup('c').node, node)
    assert.equal(tree.getattr(node).size, 3)
  })

  it('outlive their name while the kernel knows them', () => {
    writeFileSync(tree.path('a'), 'abc')
    const { node } = tree.lookup('a')
    assert.equal(tree.unlink('a'), 0)
    assert.deepEqual([tree.getattr(node).size, tree.getattr(node).nlink], [3, 0])
    assert.equal(tree.lookupError('a'), -errno.ENOENT)
    // A new file under the name, maybe with the same number, is another node.
    writeFileSync(tree.path('a'), '')
    assert.notEqual(tree.lookup('a').node, node)
  })

  it('are not found by names that would lead elsewhere', () => {
    assert.notEqual(tree.lookupError('..'), 0)
    assert.notEqual(tree.lookupError('.'), 0)
    assert.equal(tree.lookupError('x'.repeat(256)), -errno.ENAMETOOLONG)
    assert.equal(tree.symlink('s', '/etc').error, 0)
    const link = tree.lookup('s')
    assert.equal(link.mode & 0o170000, 0o120000)
    assert.equal(tree.lookupError('passwd', link.node), -errno.ENOTDIR)
  })
})

for (const way of ['file handle', 'parent and name'] as const) {
  describe(`nodes without a descriptor, found by ${way}`, () => {
    let tree: Tree
    beforeEach(() => {
      tree = new Tree({ maxNodeDescriptors: 8 })
      if (way === 'parent and name') tree.withoutHandles()
      mkdirSync(tree.path('d'))
      for (let i = 0; i < 100; i++) writeFileSync(tree.path('d', `f${i}`), 'x'.repeat(i))
    })
    afterEach(() => tree.close())

    /** Looks everything up, which closes the descriptors of most. */
    const lookupAll = (): { dir: number; nodes: number[] } => {
      const before = countFds()
      const dir = tree.lookup('d').node
      const nodes = Array.from({ length: 100 }, (_, i) => tree.lookup(`f${i}`, dir).node)
      assert.ok(countFds() - before <= 10, `${countFds() - before} descriptors are held`)
      return { dir, nodes }
    }

    it('are opened again when they are used', () => {
      const { dir, nodes } = lookupAll()
      for (const [i, node] of nodes.entries()) assert.equal(tree.getattr(node).size, i)
      for (const [i, node] of nodes.entries()) assert.equal(tree.lookup(`f${i}`, dir).node, node)
    })

    it('are found after a rename of their directory', () => {
      const { nodes } = lookupAll()
      assert.equal(tree.rename('d', 'e'), 0)
      for (const [i, node] of nodes.entries()) assert.equal(tree.getattr(node).size, i)
    })

    it('are found after their own rename, and after their unlink', () => {
      const { dir, nodes } = lookupAll()
      assert.equal(tree.rename('f7', 'g7', dir, dir), 0)
      assert.equal(tree.unlink('f8', dir), 0)
      for (const node of nodes) tree.getattr(node)
      assert.deepEqual([tree.getattr(nodes[7]!).size, tree.getattr(nodes[8]!).nlink], [7, 0])
    })

    it('are stale when their file is gone, also if another one has its name', () => {
      const { nodes } = lookupAll()
      for (let i = 0; i < 50; i++) unlinkSync(tree.path('d', `f${i}`))
      for (let i = 0; i < 50; i++) writeFileSync(tree.path('d', `f${i}`), 'another one')
      const sizes = nodes.slice(0, 50).map((node) => {
        const reply = tree.call({ opcode: 3, node })
        return reply.error === 0 ? tree.getattr(node).size : reply.error
      })
      for (const [i, size] of sizes.entries())
        assert.ok(size === i || size === -errno.ESTALE, `f${i}: ${size}`)
      assert.ok(sizes.includes(-errno.ESTALE))
    })

    it('keep their descriptor while a file is open', async () => {
      const { nodes } = lookupAll()
      const handles = nodes.slice(0, 30).map((node) => tree.open(node, 0))
      rmSync(tree.path('d'), { recursive: true })
      for (let i = 0; i < 30; i++) {
        assert.equal(tree.getattr(nodes[i]!).nlink, 0)
        assert.equal(await tree.read(nodes[i]!, handles[i]!, 0, 100), 'x'.repeat(i))
      }
    })
  })
}
