import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DirentWriter } from '../../src/abi/dirent.js'
import { groupsBlock, secctxBlock } from '../../src/abi/ext.js'
import { formatReply, formatRequest } from '../../src/abi/format.js'
import { formatFlags, quote } from '../../src/abi/format-values.js'
import { Op } from '../../src/abi/gen/opcodes.js'
import { Bytes, type HeaderFields, place, request } from './builder.js'

const line = (opcode: number, body?: Bytes, header?: HeaderFields): string => {
  const message = request(opcode, body, header)
  const { u, bytes } = place(message, 3, 0)
  return formatRequest(u, 3, bytes)
}

const WHO = 'node=1 uid=1000 gid=1000 pid=77'

describe('formatRequest', () => {
  test('names, flags and numbers', () => {
    assert.equal(line(Op.LOOKUP, new Bytes().name('hello')), `LOOKUP #4 ${WHO} name="hello"`)
    assert.equal(
      line(
        Op.READ,
        new Bytes()
          .u64(7, 2n ** 40n)
          .u32(4096, 2)
          .u64(0xfedcba9876543210n)
          .u32(0o100002, 0),
      ),
      `READ #4 ${WHO} fh=7 offset=1099511627776 size=4096 read_flags=LOCKOWNER lock_owner=0xfedcba9876543210` +
        ` flags=${process.arch === 'arm64' ? 'RDWR|NOFOLLOW' : 'RDWR|LARGEFILE'}`,
    )
    assert.equal(
      line(Op.MKNOD, new Bytes().u32(0o20600, 0x12c0822c, 0o22, 0).name('dev')),
      `MKNOD #4 ${WHO} mode=020600 rdev=130:76844 umask=022 name="dev"`,
    )
    assert.equal(
      line(Op.SETATTR, new Bytes().u32(0x30, 0).u64(0, 0, 0, -5, 1).u64(0).u32(0, 0, 0, 0, 0, 0, 0, 0)),
      `SETATTR #4 ${WHO} valid=ATIME|MTIME fh=0 size=0 lock_owner=0x0 atime=-5 mtime=1 ctime=0` +
        ' atimensec=0 mtimensec=0 ctimensec=0 mode=0 uid=0 gid=0',
    )
    assert.equal(
      line(Op.RENAME2, new Bytes().u64(9).u32(3, 0).name('a').name('b')),
      `RENAME2 #4 ${WHO} newdir=9 flags=NOREPLACE|EXCHANGE name="a" newname="b"`,
    )
    assert.equal(
      line(Op.SYMLINK, new Bytes().name('a').name('/x y')),
      `SYMLINK #4 ${WHO} name="a" target="/x y"`,
    )
    assert.equal(
      line(Op.SETLK, new Bytes().u64(1, 0xffn, 0, 2n ** 63n - 1n).u32(1, 5, 1, 0)),
      `SETLK #4 ${WHO} fh=1 owner=0xff lk={start=0 end=9223372036854775807 type=1 pid=5} lk_flags=FLOCK`,
    )
  })

  test('payloads, forgets, extensions', () => {
    assert.equal(
      line(Op.SETXATTR, new Bytes().u32(3, 1).name('user.a').u8(1, 2, 3)),
      `SETXATTR #4 ${WHO} size=3 flags=1 name="user.a" data=3 bytes`,
    )
    const many = Array.from({ length: 10 }, (_unused, i) => [i + 2, 1]).flat()
    assert.equal(
      line(Op.BATCH_FORGET, new Bytes().u32(10, 0).u64(...many), { unique: 2n ** 63n + 6n }),
      `BATCH_FORGET #6(resent) ${WHO} count=10 nodes=[2:-1 3:-1 4:-1 5:-1 6:-1 7:-1 8:-1 9:-1 ...]`,
    )
    const label = secctxBlock([{ name: Buffer.from('security.selinux'), value: Buffer.from('u:r\0') }])
    const ext = Uint8Array.from([...label, ...groupsBlock([555])])
    assert.equal(
      line(Op.MKDIR, new Bytes().u32(0o755, 0).name('d').bytes(ext), { extlen: ext.length / 8 }),
      `MKDIR #4 ${WHO} mode=0755 umask=0 name="d" secctx="security.selinux":"u:r\\u{0}" groups=[555]`,
    )
    assert.equal(
      line(Op.MKDIR, new Bytes().u32(0o755, 0).name('d').u64(3), { extlen: 1 }),
      `MKDIR #4 ${WHO} mode=0755 umask=0 name="d" extensions=8 bad bytes`,
    )
  })

  test('INIT', () => {
    const body = new Bytes().u32(7, 45, 131072, 0x40000001, 0x201, ...new Array<number>(11).fill(0))
    assert.equal(
      line(Op.INIT, body),
      `INIT #4 ${WHO} major=7 minor=45 max_readahead=131072 flags=ASYNC_READ|INIT_EXT flags2=SECURITY_CTX|OVER_IO_URING`,
    )
    assert.equal(
      line(Op.INIT, new Bytes().u32(7, 31, 4096, 0x80000001)),
      `INIT #4 ${WHO} major=7 minor=31 max_readahead=4096 flags=ASYNC_READ|INIT_RESERVED`,
    )
  })

  test('what is no proper request is shown as far as it can be read', () => {
    assert.equal(line(99), `opcode 99 #4 ${WHO} (refused: ENOSYS, len 40)`)
    assert.equal(line(Op.LOOKUP, new Bytes().u8(65)), `LOOKUP #4 ${WHO} (refused: EPROTO, len 41)`)
    assert.match(
      line(Op.LSEEK, new Bytes().u64(1, 2n ** 60n).u32(3, 0)),
      /offset=1152921504606846976.*refused: ENXIO/,
    )
    assert.equal(
      formatRequest(new Uint32Array(4), 0, new Uint8Array(16)),
      'request of 16 bytes: shorter than its header',
    )
    assert.equal(
      formatRequest(new Uint32Array(4), 9, new Uint8Array(16)),
      'request of 0 bytes: shorter than its header',
    )
  })
})

describe('formatReply', () => {
  const reply = (
    opcode: number,
    error: number,
    body = new Bytes(),
    unique: number | bigint = 8,
    context = {},
  ): string => {
    const message = new Bytes()
      .u32(16 + body.length, error)
      .u64(unique)
      .bytes(body.done())
      .done()
    const { u, bytes } = place(message, 1, 0)
    return formatReply(u, 1, bytes, opcode, context)
  }

  test('errors and empty replies', () => {
    assert.equal(reply(Op.LOOKUP, -2), 'LOOKUP #8 -> ENOENT')
    assert.equal(reply(Op.UNLINK, 0), 'UNLINK #8 -> ok')
    assert.equal(reply(99, -38), 'opcode 99 #8 -> ENOSYS')
    assert.equal(reply(Op.LOOKUP, 0, new Bytes().u32(1)), 'LOOKUP #8 -> 4 bytes, 128 expected')
    assert.equal(reply(Op.WRITE, 0, new Bytes().u32(5, 0, 1)), 'WRITE #8 -> size=5 and 4 bytes too many')
  })

  test('structs', () => {
    const attr = new Bytes().u64(2, 6, 8, -1, 0, 0).u32(0, 0, 0, 0o100644, 1, 0, 0, 0, 4096, 0).done()
    const entry = new Bytes().u64(2, 0, 1, 1).u32(0, 0).bytes(attr)
    const attrText =
      'attr={ino=2 size=6 blocks=8 atime=-1 mtime=0 ctime=0 atimensec=0 mtimensec=0 ctimensec=0' +
      ' mode=0100644 nlink=1 uid=0 gid=0 rdev=0:0 blksize=4096 flags=0}'
    const entryText = `nodeid=2 generation=0 entry_valid=1 attr_valid=1 entry_valid_nsec=0 attr_valid_nsec=0 ${attrText}`
    assert.equal(reply(Op.LOOKUP, 0, entry), `LOOKUP #8 -> ${entryText}`)
    assert.equal(
      reply(Op.CREATE, 0, new Bytes().bytes(entry.done()).u64(5).u32(3, -1)),
      `CREATE #8 -> ${entryText} fh=5 open_flags=DIRECT_IO|KEEP_CACHE backing_id=-1`,
    )
    assert.equal(reply(Op.GETXATTR, 0, new Bytes().u32(9, 0), 8, { sizeZero: true }), 'GETXATTR #8 -> size=9')
    assert.match(
      reply(Op.INIT, 0, new Bytes().u32(7, 45, 0, 1).u16(12, 9).u32(4096)),
      /flags=ASYNC_READ max_background=12/,
    )
  })

  test('payloads', () => {
    assert.equal(reply(Op.READ, 0, new Bytes().u64(1)), 'READ #8 -> data=8 bytes')
    assert.equal(
      reply(Op.READLINK, 0, new Bytes().bytes(Buffer.from('../a'))),
      'READLINK #8 -> target="../a"',
    )
    assert.equal(
      reply(Op.IOCTL, 0, new Bytes().u32(-1, 0, 0, 0).u32(1)),
      'IOCTL #8 -> result=-1 flags=0 in_iovs=0 out_iovs=0 data=4 bytes',
    )
    const bytes = new Uint8Array(512)
    const writer = new DirentWriter()
    writer.reset(new Uint32Array(bytes.buffer), bytes, 0, 512)
    for (const name of ['.', '..', 'a', 'b', 'c', 'd', 'e', 'f', 'g']) writer.add(name, 1, 8, 1)
    const list = bytes.slice(0, writer.used)
    assert.equal(
      reply(Op.READDIR, 0, new Bytes().bytes(list)),
      'READDIR #8 -> 9 entries in 288 bytes: "." ".." "a" "b" "c" "d" "e" "f" ...',
    )
    // The data may lie elsewhere: the header counts it, and it is not behind the header.
    const u = Uint32Array.of(16 + list.length, 0, 8, 0)
    const apart = formatReply(u, 0, new Uint8Array(u.buffer), Op.READDIR, { payload: list })
    assert.match(apart, /9 entries in 288 bytes/)
    assert.equal(formatReply(u, 0, new Uint8Array(u.buffer), Op.READ), 'READ #8 -> data=288 bytes')
  })

  test('notifications', () => {
    const note = (code: number, body: Bytes) => reply(0, code, body, 0)
    assert.equal(note(2, new Bytes().u64(3, -1, 0)), 'notify INVAL_INODE ino=3 off=-1 len=0')
    assert.equal(
      note(3, new Bytes().u64(1).u32(3, 1).name('abc')),
      'notify INVAL_ENTRY parent=1 namelen=3 flags=EXPIRE_ONLY name="abc"',
    )
    assert.equal(
      note(6, new Bytes().u64(1, 2).u32(3, 0).name('abc')),
      'notify DELETE parent=1 child=2 namelen=3 name="abc"',
    )
    assert.equal(note(7, new Bytes()), 'notify RESEND')
    assert.equal(note(9, new Bytes().u32(1, 0).u64(0, 5)), 'notify PRUNE count=1 nodeids=8 bytes')
    assert.equal(note(2, new Bytes().u64(3)), 'notify INVAL_INODE (cut)')
    assert.equal(note(77, new Bytes()), 'notify 77')
  })
})

describe('values', () => {
  test('flags', () => {
    assert.equal(formatFlags('FOPEN', 0), '0')
    assert.equal(formatFlags('FOPEN', 0x80000003), 'DIRECT_IO|KEEP_CACHE|0x80000000')
    assert.equal(formatFlags('IOCTL_FLAG', 8 | 16), '32BIT|DIR')
    assert.equal(formatFlags('O', 0), 'RDONLY')
    assert.equal(formatFlags('O', 0o4010000 | 0o101), 'WRONLY|SYNC|CREAT')
    assert.equal(formatFlags('O', 0o10000 | 3), 'ACCMODE|DSYNC')
  })

  test('quoted names are one printable line', () => {
    const q = (text: string | Uint8Array): string => {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text
      return quote(bytes, 0, bytes.length)
    }
    assert.equal(q('na\u00efve \u{1f600}'), '"na\u00efve \u{1f600}"')
    assert.equal(q('a"b\\c\nd\u001b[0m\u2028\u202e'), '"a\\"b\\\\c\\nd\\u{1b}[0m\\u{2028}\\u{202e}"')
    assert.equal(q(Uint8Array.of(0x61, 0xff, 0x80, 0x22)), '"a\\xff\\x80\\""')
    assert.equal(q('x'.repeat(300)), `"${'x'.repeat(256)}"...(300 bytes)`)
    assert.equal(q(`x${'\u20ac'.repeat(100)}`), `"x${'\u20ac'.repeat(85)}"...(301 bytes)`)
  })
})
