import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { Op } from '../../../src/abi/gen/opcodes.js'
import * as abi from '../../../src/abi/gen/structs.js'
import { LOCK_TYPE } from '../../../src/api/constants.js'
import { errno } from '../../../src/api/errors.js'
import { IO, IO_WORDS, vfsCalls } from '../../../src/native/vfs.js'
import { BODY, type WireRequest } from '../../session/wire.js'
import { Tree } from './tree.js'

const { RDLCK, WRLCK, UNLCK } = LOCK_TYPE
const vfs = vfsCalls()

describe('locks on the files of a passed-through directory', () => {
  let tree: Tree
  let node: number
  let handle: number
  /** Somebody outside of the mount: another open file description. */
  let outside: number
  beforeEach(() => {
    tree = new Tree()
    ;({ node, handle } = tree.create('f'))
    outside = openSync(tree.path('f'), 'r+')
  })
  afterEach(() => {
    closeSync(outside)
    tree.close()
  })

  const request = (
    opcode: number,
    owner: number,
    type: number,
    start: number,
    end: number,
    flock = false,
  ): WireRequest => ({
    opcode,
    node,
    fill: (u, b) => {
      abi.setLkIn_fh(u, b, handle)
      abi.setLkIn_owner(u, b, owner, 0)
      abi.setFileLock_start(u, b + abi.LK_IN_LK_WORD, start)
      abi.setFileLock_end(u, b + abi.LK_IN_LK_WORD, end)
      abi.setFileLock_type(u, b + abi.LK_IN_LK_WORD, type)
      abi.setFileLock_pid(u, b + abi.LK_IN_LK_WORD, owner)
      abi.setLkIn_lkFlags(u, b, flock ? 1 : 0)
    },
  })
  const set = (owner: number, type: number, start = 0, end = 99): number =>
    tree.error(request(Op.SETLK, owner, type, start, end))
  const wait = (owner: number, type: number, start = 0, end = 99): number =>
    tree.wire.send(request(Op.SETLKW, owner, type, start, end))
  const errorOf = async (unique: number): Promise<number> => (await tree.wire.wait(unique)).error

  const outsideLock = (type: number, start: number, end: number): number => {
    const io = new Uint32Array(IO_WORDS)
    io[IO.lockStartLow] = start
    io[IO.lockEndLow] = end
    io[IO.lockType] = type
    return vfs.vfsSetLock(io, outside)
  }

  it('hold against others, inside and outside of the mount', () => {
    assert.equal(set(1, WRLCK, 10, 19), 0)
    assert.equal(set(2, RDLCK, 15, 30), -errno.EAGAIN)
    assert.equal(set(2, RDLCK, 20, 30), 0)
    assert.equal(outsideLock(RDLCK, 10, 10), -errno.EAGAIN)
    assert.equal(outsideLock(RDLCK, 20, 30), 0)
    assert.equal(set(1, WRLCK, 20, 20), -errno.EAGAIN)
    assert.equal(set(1, UNLCK, 12, 13), 0)
    assert.equal(outsideLock(WRLCK, 12, 13), 0)
    assert.equal(outsideLock(WRLCK, 12, 14), -errno.EAGAIN)
  })

  it('are told with range and process', () => {
    set(7, WRLCK, 10, 19)
    const { words } = tree.ok(request(Op.GETLK, 8, RDLCK, 0, 99))
    const found = [
      abi.fileLock_start(words, BODY),
      abi.fileLock_end(words, BODY),
      words[BODY + 4],
      words[BODY + 5],
    ]
    assert.deepEqual(found, [10, 19, WRLCK, 7])
    assert.equal(tree.ok(request(Op.GETLK, 7, RDLCK, 0, 99)).words[BODY + 4], UNLCK)
    outsideLock(RDLCK, 50, 59)
    const other = tree.ok(request(Op.GETLK, 7, WRLCK, 40, 99)).words
    assert.deepEqual(
      [abi.fileLock_start(other, BODY), abi.fileLock_end(other, BODY), other[BODY + 4]],
      [50, 59, RDLCK],
    )
  })

  it('are waited for, and granted in order', async () => {
    set(1, WRLCK)
    const second = wait(2, WRLCK)
    const third = wait(3, WRLCK)
    assert.equal(tree.wire.replies.filter(({ unique }) => unique === second || unique === third).length, 0)
    set(1, UNLCK)
    assert.equal(await errorOf(second), 0)
    assert.equal(set(4, RDLCK), -errno.EAGAIN)
    set(2, UNLCK)
    assert.equal(await errorOf(third), 0)
  })

  it('that somebody outside holds are waited for too', async () => {
    outsideLock(WRLCK, 0, 99)
    const unique = wait(1, WRLCK, 50, 60)
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(
      tree.wire.replies.find((reply) => reply.unique === unique),
      undefined,
    )
    outsideLock(UNLCK, 0, 99)
    assert.equal(await errorOf(unique), 0)
    assert.equal(outsideLock(RDLCK, 55, 55), -errno.EAGAIN)
  })

  it('stop being waited for when the caller is interrupted', async () => {
    set(1, WRLCK)
    const unique = wait(2, WRLCK)
    tree.wire.interrupt(unique)
    assert.equal(await errorOf(unique), -errno.EINTR)
    set(1, UNLCK)
    assert.equal(set(3, WRLCK), 0)
  })

  it('that would wait in a ring are refused', async () => {
    set(1, WRLCK, 0, 9)
    set(2, WRLCK, 10, 19)
    const first = wait(1, WRLCK, 10, 19)
    assert.equal(await errorOf(wait(2, WRLCK, 0, 9)), -errno.EDEADLK)
    set(2, UNLCK, 10, 19)
    assert.equal(await errorOf(first), 0)
  })

  it('go with the close of any descriptor of their owner', async () => {
    set(1, WRLCK)
    const unique = wait(2, WRLCK)
    const fill = (u: Uint32Array, b: number): void => {
      abi.setFlushIn_fh(u, b, handle)
      abi.setFlushIn_lockOwner(u, b, 1, 0)
    }
    tree.ok({ opcode: Op.FLUSH, node, fill })
    assert.equal(await errorOf(unique), 0)
  })

  it('of an open file description go with it', async () => {
    set(1, WRLCK)
    const unique = wait(2, WRLCK, 200, 300)
    assert.equal(await errorOf(unique), 0)
    tree.release(node, handle)
    assert.equal(outsideLock(WRLCK, 0, 400), 0)
  })

  it('of flock are those of the open file', async () => {
    const second = tree.open(node)
    const bsd = (of: number, type: number, opcode: number = Op.SETLK): WireRequest => {
      const { fill } = request(opcode, of, type, 0, 0, true)
      const full = (u: Uint32Array, b: number): void => {
        fill?.(u, b)
        abi.setLkIn_fh(u, b, of)
      }
      return { opcode, node, fill: full }
    }
    assert.equal(tree.error(bsd(handle, WRLCK)), 0)
    assert.equal(tree.error(bsd(second, RDLCK)), -errno.EAGAIN)
    assert.equal(vfs.vfsFlock(outside, RDLCK), -errno.EAGAIN)
    // POSIX locks do not see them.
    assert.equal(set(9, WRLCK), 0)
    const unique = tree.wire.send(bsd(second, WRLCK, Op.SETLKW))
    tree.release(node, handle)
    assert.equal(await errorOf(unique), 0)
  })
})
