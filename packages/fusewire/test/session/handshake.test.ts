import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { errno } from '../../src/abi/errno.js'
import { InitFlag } from '../../src/abi/gen/flags.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { parseInitReply } from '../../src/abi/init.js'
import {
  type DirPlusOut,
  FileSystem,
  type InitRequest,
  type Negotiated,
  type Request,
} from '../../src/api/index.js'
import { BODY, Wire } from './wire.js'

class Empty extends FileSystem {}

const replyOf = (wire: Wire) => {
  const reply = wire.replies[0]!
  return parseInitReply(reply.words, BODY, reply.bytes.length - 16)
}

describe('INIT', () => {
  it('tells what is on, what was offered and why something is off', async () => {
    class Wishing extends FileSystem {
      agreed: Negotiated | undefined
      override init(init: InitRequest): void {
        init.want('POSIX_ACL')
        init.want('HANDLE_KILLPRIV_V2')
        init.avoid('AUTO_INVAL_DATA')
      }
      override ready(agreed: Negotiated): void {
        this.agreed = agreed
      }
      override readdirplus(_r: Request, _n: number, _h: number, _o: number, _out: DirPlusOut): number {
        return 0
      }
    }
    const fs = new Wishing()
    const withoutAcl = 0xffff_ffff & ~InitFlag.POSIX_ACL.mask
    const wire = Wire.start(fs, {}, { flags: withoutAcl >>> 0 })
    const agreed = await wire.session.ready
    assert.equal(agreed, fs.agreed)
    assert.ok(agreed.features.has('HANDLE_KILLPRIV_V2'))
    assert.ok(agreed.features.has('DO_READDIRPLUS'))
    assert.ok(!agreed.features.has('AUTO_INVAL_DATA'))
    assert.match(agreed.refused.get('POSIX_ACL')!, /7\.45.*does not offer/)
    assert.ok(agreed.offered.has('WRITEBACK_CACHE') && !agreed.features.has('WRITEBACK_CACHE'))
    const reply = replyOf(wire)
    assert.equal((reply.flags & InitFlag.DO_READDIRPLUS.mask) !== 0, true)
    assert.equal(reply.maxPages, 256)
    assert.equal(reply.maxWrite, 1024 * 1024)
  })

  for (let minor = 31; minor <= 45; minor++) {
    it(`answers a kernel of 7.${minor}`, async () => {
      const wire = Wire.start(new Empty(), {}, { minor })
      const agreed = await wire.session.ready
      assert.equal(agreed.minor, minor)
      assert.equal(replyOf(wire).minor, minor)
      assert.equal(wire.replies[0]!.bytes.length, 80)
      assert.equal(wire.lookup('x')?.error, -errno.ENOSYS)
    })
  }

  it('falls back to 128 KiB requests where the kernel has no MAX_PAGES', async () => {
    const wire = Wire.start(new Empty(), {}, { flags: InitFlag.BIG_WRITES.mask })
    const agreed = await wire.session.ready
    assert.equal(agreed.maxWrite, 128 * 1024)
    assert.match(agreed.refused.get('MAX_PAGES')!, /does not offer/)
  })

  it('refuses kernels before 7.31 with EPROTO and says what is needed', async () => {
    const wire = Wire.start(new Empty(), {}, { minor: 30 })
    assert.equal(wire.replies[0]!.error, -errno.EPROTO)
    await assert.rejects(wire.session.ready, /7\.30.*7\.31.*Linux 5\.4/)
  })

  it('asks a kernel of a newer major to speak ours', async () => {
    const wire = Wire.start(new Empty(), {}, { major: 8 })
    assert.equal(replyOf(wire).major, 7)
    wire.init()
    assert.equal((await wire.session.ready).major, 7)
  })

  it('carries a filesystem that throws in init to whoever mounts', async () => {
    class Broken extends FileSystem {
      override init(): void {
        throw new Error('the disk is not there')
      }
    }
    const wire = Wire.start(new Broken())
    assert.equal(wire.replies[0]!.error, -errno.EPROTO)
    await assert.rejects(wire.session.ready, /the disk is not there/)
  })

  it('rejects when the mount ends before INIT', async () => {
    const wire = new Wire(new Empty())
    wire.transport.disconnect()
    await assert.rejects(wire.session.ready, { code: 'ENODEV' })
  })

  it('answers EIO to requests before INIT and 0 to DESTROY', () => {
    class Some extends FileSystem {
      override lookup(): number {
        return 0
      }
    }
    const wire = new Wire(new Some())
    assert.equal(wire.lookup('x')?.error, -errno.EIO)
    assert.equal(wire.call({ opcode: Op.DESTROY })?.error, 0)
  })
})
