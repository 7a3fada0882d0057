import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Op } from '../../../src/abi/gen/opcodes.js'
import * as abi from '../../../src/abi/gen/structs.js'
import { O, WRITE_FLAG } from '../../../src/api/constants.js'
import { errno } from '../../../src/api/errors.js'
import { BODY } from '../../session/wire.js'
import { countFds } from './descriptors.js'
import { Tree } from './tree.js'

const GIB = 1024 ** 3

describe('files of a passed-through directory', () => {
  let tree: Tree
  beforeEach(() => {
    tree = new Tree()
  })
  afterEach(() => tree.close())

  const modeOf = (name: string): string => (statSync(tree.path(name)).mode & 0o7777).toString(8)

  it('are made by the umask of the caller, not by that of this process', () => {
    const own = process.umask(0o077)
    try {
      tree.create('a', O.CREAT | O.RDWR, 0o666, 0o002)
      tree.create('b', O.CREAT | O.RDWR, 0o666, 0o027)
      tree.mkdir('c', 1, 0o1777, 0)
      tree.mkdir('d', 1, 0o777, 0o022)
    } finally {
      process.umask(own)
    }
    assert.deepEqual(['a', 'b', 'c', 'd'].map(modeOf), ['664', '640', '1777', '755'])
  })

  it('that exist are opened by create without O_EXCL, and refused with it', async () => {
    writeFileSync(tree.path('a'), 'abc')
    const { node, handle } = tree.create('a', O.CREAT | O.RDWR)
    assert.equal(await tree.read(node, handle, 0, 10), 'abc')
    const fill = (u: Uint32Array, b: number): void => {
      abi.setCreateIn_flags(u, b, O.CREAT | O.EXCL | O.RDWR)
      abi.setCreateIn_mode(u, b, 0o100644)
    }
    assert.equal(tree.error({ opcode: Op.CREATE, names: ['a'], fill }), -errno.EEXIST)
  })

  it('that are no regular files are never opened here', () => {
    const fill = (u: Uint32Array, b: number): void => {
      u[b] = 0o010644
    }
    tree.ok({ opcode: Op.MKNOD, names: ['fifo'], fill })
    const { node } = tree.lookup('fifo')
    assert.equal(tree.error({ opcode: Op.OPEN, node }), -errno.ENXIO)
    const create = (u: Uint32Array, b: number): void => abi.setCreateIn_flags(u, b, O.CREAT | O.WRONLY)
    assert.equal(tree.error({ opcode: Op.CREATE, names: ['fifo'], fill: create }), -errno.ENXIO)
  })

  it('are read and written at any offset, also above 4 GiB', async () => {
    const { node, handle } = tree.create('a')
    assert.equal(tree.write(node, handle, 5 * GIB, 'far away'), 8)
    assert.equal(tree.write(node, handle, 3, 'near'), 4)
    assert.equal(tree.getattr(node).size, 5 * GIB + 8)
    assert.equal(await tree.read(node, handle, 5 * GIB - 4, 100), '\0\0\0\0far away')
    assert.equal(await tree.read(node, handle, 0, 8), '\0\0\0near\0')
    assert.equal(await tree.read(node, handle, 6 * GIB, 10), '')
    assert.ok(statSync(tree.path('a')).blocks < 1000)
  })

  it('append where the file ends by now, but mapped pages go to their offset', () => {
    const { node, handle } = tree.create('a', O.CREAT | O.RDWR | O.APPEND)
    tree.write(node, handle, 0, 'one')
    writeFileSync(tree.path('a'), 'one, two', { flag: 'w' })
    tree.write(node, handle, 3, ', three')
    assert.equal(readFileSync(tree.path('a'), 'latin1'), 'one, two, three')
    tree.write(node, handle, 0, 'ONE', WRITE_FLAG.CACHE)
    assert.equal(readFileSync(tree.path('a'), 'latin1'), 'ONE, two, three')
  })

  it('are synced, allocated and copied on the pool as well', async () => {
    const { node, handle } = tree.create('a')
    const content = Array.from({ length: 300_000 }, (_, i) => String.fromCharCode(i % 251)).join('')
    tree.write(node, handle, 0, content)
    const to = tree.create('b')
    const sync = (u: Uint32Array, b: number): void => abi.setFsyncIn_fh(u, b, handle)
    assert.equal((await tree.later({ opcode: Op.FSYNC, node, fill: sync })).error, 0)
    const copied = await tree.later({
      opcode: Op.COPY_FILE_RANGE_64,
      node,
      fill: (u, b) => {
        abi.setCopyFileRangeIn_fhIn(u, b, handle)
        abi.setCopyFileRangeIn_nodeidOut(u, b, to.node)
        abi.setCopyFileRangeIn_fhOut(u, b, to.handle)
        abi.setCopyFileRangeIn_len(u, b, 10 * GIB)
      },
    })
    assert.deepEqual([copied.error, copied.words[BODY]], [0, content.length])
    const hash = (name: string): string =>
      createHash('sha256')
        .update(readFileSync(tree.path(name)))
        .digest('hex')
    assert.equal(hash('a'), hash('b'))
    const grown = await tree.later({
      opcode: Op.FALLOCATE,
      node: to.node,
      fill: (u, b) => {
        abi.setFallocateIn_fh(u, b, to.handle)
        abi.setFallocateIn_length(u, b, 8 * 1024 * 1024)
      },
    })
    assert.deepEqual([grown.error, tree.getattr(to.node).size], [0, 8 * 1024 * 1024])
  })

  it('without a name get one by link', (t) => {
    const fill = (u: Uint32Array, b: number): void => {
      abi.setCreateIn_flags(u, b, O.TMPFILE | O.RDWR)
      abi.setCreateIn_mode(u, b, 0o100600)
    }
    const reply = tree.call({ opcode: Op.TMPFILE, names: ['/'], fill })
    if (reply.error === -errno.EOPNOTSUPP) {
      t.skip(`the filesystem of ${tree.dir} has no O_TMPFILE`)
      return
    }
    assert.equal(reply.error, 0)
    const node = abi.entryOut_nodeid(reply.words, BODY)
    const handle = abi.openOut_fh(reply.words, BODY + abi.ENTRY_OUT_WORDS)
    tree.write(node, handle, 0, 'content')
    assert.equal(tree.getattr(node).nlink, 0)
    tree.link(node, 'named')
    assert.equal(readFileSync(tree.path('named'), 'latin1'), 'content')
  })

  it('give their descriptors back', async () => {
    const before = countFds()
    for (let i = 0; i < 10; i++) {
      const { node, handle } = tree.create(`f${i}`)
      const sync = (u: Uint32Array, b: number): void => abi.setFsyncIn_fh(u, b, handle)
      const synced = tree.later({ opcode: Op.FSYNC, node, fill: sync })
      // The handle goes while its call is on the pool: the descriptor must last until that is done.
      tree.release(node, handle)
      assert.equal((await synced).error, 0)
      assert.equal(tree.unlink(`f${i}`), 0)
      tree.forget(node)
    }
    assert.equal(countFds(), before)
    assert.equal(tree.error({ opcode: Op.READ, fill: (u, b) => abi.setReadIn_fh(u, b, 0) }), -errno.EBADF)
  })

  it('leave nothing open at the end', async () => {
    const before = countFds()
    const other = new Tree()
    const { node } = other.create('a')
    other.opendir()
    other.lookup('a')
    assert.ok(node > 1 && countFds() > before)
    other.close()
    await other.wire.session.closed
    assert.equal(countFds(), before)
    assert.ok(!existsSync(other.dir))
  })
})
