import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errnoName } from '../../../src/api/errors.js'
import { SETXATTR_FLAG, WRITE_FLAG } from '../../../src/fs/common/constants.js'
import { memory } from '../../../src/fs/memory/filesystem.js'
import { Direct, type Stat } from './direct.js'

const ROOT = 1
const ACCESS = 'system.posix_acl_access'
const DEFAULT = 'system.posix_acl_default'

function is(result: unknown, name: string): void {
  assert.equal(typeof result === 'number' && result < 0 ? errnoName(-result) : result, name)
}

function changed(result: Stat | number): Stat {
  assert.ok(typeof result !== 'number', `setattr answered ${result}`)
  return result
}

/** An ACL as the kernel hands it over: [tag, permissions, id] each. */
function acl(...entries: [tag: number, permissions: number, id?: number][]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2, 0)
  entries.forEach(([tag, permissions, id], i) => {
    bytes.writeUInt16LE(tag, 4 + i * 8)
    bytes.writeUInt16LE(permissions, 6 + i * 8)
    bytes.writeUInt32LE(id ?? 0xffff_ffff, 8 + i * 8)
  })
  return bytes
}
const [USER_OBJ, USER, GROUP_OBJ, MASK, OTHER] = [1, 2, 4, 0x10, 0x20]

test("a new node gets the caller, the umask, and in a setgid directory the directory's group", () => {
  const d = new Direct()
  d.as(1000, 100, 0o027)
  const plain = d.stat(d.mknod(ROOT, 'plain', 0o100666))
  assert.deepEqual([plain.mode, plain.uid, plain.gid, plain.nlink], [0o100640, 1000, 100, 1])
  const team = d.mkdir(ROOT, 'team')
  changed(d.setattr(team, { gid: 55, mode: 0o2775 }))
  const inside = d.stat(d.mknod(team, 'f', 0o100666))
  assert.deepEqual([inside.mode, inside.gid], [0o100640, 55])
  const below = d.stat(d.mkdir(team, 'below', 0o777))
  assert.deepEqual([below.mode, below.gid], [0o042750, 55])
  const link = d.symlink(ROOT, 'link', 'target')
  assert.equal(d.stat(link).mode, 0o120777, 'the umask has no say in links')
  assert.equal(d.stat(link).size, 6)
})

test('set-id bits: a chown takes them, a write and a truncation when told so', () => {
  const d = new Direct()
  const file = d.mknod(ROOT, 'f', 0o106755)
  d.fs.write(d.req, file, 0, 0, Buffer.from('x'))
  assert.equal(d.stat(file).mode, 0o106755)
  d.with({ io: WRITE_FLAG.KILL_SUIDGID }).fs.write(d.req, file, 0, 0, Buffer.from('x'))
  assert.equal(d.stat(file).mode, 0o100755)
  assert.deepEqual(d.invalidated, [file], 'the kernel is told that the mode changed')
  d.with({})
  changed(d.setattr(file, { mode: 0o6755 }))
  assert.equal(changed(d.setattr(file, { size: 0 })).mode, 0o106755)
  assert.equal(changed(d.setattr(file, { size: 0, kill: true })).mode, 0o100755)
  changed(d.setattr(file, { mode: 0o6745 }))
  assert.equal(changed(d.setattr(file, { uid: 5 })).mode, 0o102745, 'setgid without group execution stays')
  const dir = d.mkdir(ROOT, 'd')
  changed(d.setattr(dir, { mode: 0o6755 }))
  assert.equal(changed(d.setattr(dir, { gid: 9 })).mode, 0o046755, 'directories keep theirs')
})

test('file capabilities do not outlive a write, a truncation or a chown', () => {
  const d = new Direct()
  const file = d.mknod(ROOT, 'f')
  const acts = [
    () => d.fs.write(d.req, file, 0, 0, Buffer.from('x')),
    () => d.setattr(file, { size: 0 }),
    () => d.setattr(file, { uid: 1 }),
    () => d.fs.fallocate(d.req, file, 0, 0, 10, 0),
  ]
  for (const act of acts) {
    assert.equal(d.setxattr(file, 'security.capability', 'cap'), 0)
    act()
    is(d.getxattr(file, 'security.capability'), 'ENODATA')
  }
})

test('a default ACL is inherited in place of the umask, cut down to the mode that was asked for', () => {
  const d = new Direct()
  d.as(0, 0, 0o077)
  const dir = d.mkdir(ROOT, 'd', 0o777)
  const defaults = acl([USER_OBJ, 7], [USER, 7, 1000], [GROUP_OBJ, 5], [MASK, 7], [OTHER, 5])
  assert.equal(d.setxattr(dir, DEFAULT, defaults), 0)
  const file = d.mknod(dir, 'f', 0o100640)
  assert.equal(d.stat(file).mode, 0o100640)
  assert.deepEqual(
    d.getxattr(file, ACCESS),
    acl([USER_OBJ, 6], [USER, 7, 1000], [GROUP_OBJ, 5], [MASK, 4], [OTHER, 0]),
  )
  is(d.getxattr(file, DEFAULT), 'ENODATA')
  const below = d.mkdir(dir, 'below', 0o777)
  assert.equal(d.stat(below).mode, 0o040775)
  assert.deepEqual(d.getxattr(below, DEFAULT), defaults)
  assert.deepEqual(d.listxattr(d.symlink(dir, 'l', 'x')), [])
  const minimal = acl([USER_OBJ, 7], [GROUP_OBJ, 5], [OTHER, 1])
  assert.equal(d.setxattr(dir, DEFAULT, minimal), 0)
  const simple = d.mknod(dir, 'simple', 0o100666)
  assert.equal(d.stat(simple).mode, 0o100640)
  assert.deepEqual(d.listxattr(simple), [], 'an ACL that says no more than the mode is not kept')
})

test('the access ACL and the mode stay one thing', () => {
  const d = new Direct()
  const file = d.mknod(ROOT, 'f', 0o102755)
  const named = acl([USER_OBJ, 6], [USER, 7, 5], [GROUP_OBJ, 4], [MASK, 6], [OTHER, 0])
  assert.equal(d.setxattr(file, ACCESS, named), 0)
  assert.equal(d.stat(file).mode, 0o102660)
  changed(d.setattr(file, { mode: 0o700 }))
  assert.deepEqual(
    d.getxattr(file, ACCESS),
    acl([USER_OBJ, 7], [USER, 7, 5], [GROUP_OBJ, 4], [MASK, 0], [OTHER, 0]),
  )
  d.with({ io: SETXATTR_FLAG.ACL_KILL_SGID })
  changed(d.setattr(file, { mode: 0o2700 }))
  assert.equal(d.setxattr(file, ACCESS, acl([USER_OBJ, 6], [GROUP_OBJ, 4], [OTHER, 4])), 0)
  assert.equal(d.stat(file).mode, 0o100644)
  is(d.getxattr(file, ACCESS), 'ENODATA')
  assert.equal(d.fs.removexattr(d.req, file, ACCESS), 0, 'removing what is not there succeeds, for ACLs')
  is(d.setxattr(file, ACCESS, acl([USER_OBJ, 6], [USER, 7, 5], [GROUP_OBJ, 4], [OTHER, 0])), 'EINVAL')
  is(d.setxattr(file, ACCESS, Buffer.from('nonsense')), 'EINVAL')
  is(d.setxattr(file, DEFAULT, named), 'EACCES')
})

test('extended attributes: flags, namespaces, limits, what who may see', () => {
  const d = new Direct()
  const file = d.mknod(ROOT, 'f')
  is(d.setxattr(file, 'user.a', '1', 2), 'ENODATA')
  assert.equal(d.setxattr(file, 'user.a', '1', 1), 0)
  is(d.setxattr(file, 'user.a', '2', 1), 'EEXIST')
  assert.equal(d.setxattr(file, 'user.a', '22', 2), 0)
  assert.equal(d.getxattr(file, 'user.a').toString(), '22')
  assert.equal(d.setxattr(file, 'trusted.t', ''), 0)
  assert.equal(d.setxattr(file, 'security.s', 'x'), 0)
  assert.deepEqual(d.as(0, 0).listxattr(file), ['user.a', 'trusted.t', 'security.s'])
  assert.deepEqual(d.as(1000, 100).listxattr(file), ['user.a', 'security.s'])
  assert.equal(d.getxattr(file, 'trusted.t').toString(), '')
  is(d.setxattr(file, 'other.a', '1'), 'EOPNOTSUPP')
  is(d.setxattr(file, 'user.', '1'), 'EINVAL')
  is(d.setxattr(file, `user.${'x'.repeat(251)}`, '1'), 'ERANGE')
  is(d.setxattr(file, 'user.big', Buffer.alloc(65537)), 'E2BIG')
  assert.equal(d.setxattr(file, 'user.big', Buffer.alloc(65536)), 0)
  assert.equal(d.fs.removexattr(d.req, file, 'user.big'), 0)
  is(d.fs.removexattr(d.req, file, 'user.big'), 'ENODATA')
  const value = Buffer.from('mine')
  d.setxattr(file, 'user.copy', value)
  value.fill(0)
  assert.equal(d.getxattr(file, 'user.copy').toString(), 'mine')
  d.fs.unlink(d.req, ROOT, 'f')
  d.fs.forget(file, 1)
  assert.equal(d.fs.usage().bytes, 0)
})

test('times: given, now, untouched; what changes content and attributes changes them', () => {
  const d = new Direct()
  const file = d.mknod(ROOT, 'f')
  const born = d.birth(file)
  const set = changed(d.setattr(file, { atime: [-5, 999_999_999], mtime: [2 ** 33, 1] }))
  assert.deepEqual(
    [set.atime, set.mtime],
    [
      [-5, 999_999_999],
      [2 ** 33, 1],
    ],
  )
  const now = changed(d.setattr(file, { mtime: 'now' }))
  assert.deepEqual(now.atime, [-5, 999_999_999])
  assert.ok(Math.abs(now.mtime[0] - Date.now() / 1000) < 100)
  changed(d.setattr(file, { mtime: [7, 7] }))
  d.fs.write(d.req, file, 0, 0, Buffer.from('x'))
  assert.ok(d.stat(file).mtime[0] > 7)
  assert.deepEqual(d.stat(file).mtime, d.stat(file).ctime)
  changed(d.setattr(file, { mtime: [7, 7] }))
  assert.deepEqual(changed(d.setattr(file, { mode: 0o600 })).mtime, [7, 7])
  assert.ok(changed(d.setattr(file, { size: 1 })).mtime[0] > 7, 'also a truncation to the same size')
  assert.equal(d.birth(file), born)
  assert.ok(Math.abs(born - Date.now() / 1000) < 100)
})

test('relatime: a read counts after a change, and not again; noatime: never', () => {
  for (const atime of ['relatime', 'noatime'] as const) {
    const d = new Direct({ atime })
    const [file] = d.create(ROOT, 'f')
    d.fs.write(d.req, file, 0, 0, Buffer.from('x'))
    changed(d.setattr(file, { atime: [5, 5], mtime: [6, 6] }))
    assert.equal(
      (d.open(file)[1] & 2) === 0,
      atime === 'relatime',
      'a read that counts must not come from the cache',
    )
    d.read(file, 0, 1)
    assert.equal(d.stat(file).atime[0] > 6, atime === 'relatime')
    const after = d.stat(file).atime
    assert.equal(d.open(file)[1] & 2, 2)
    d.read(file, 0, 1)
    assert.deepEqual(d.stat(file).atime, after)
    d.fs.write(d.req, file, 0, 0, Buffer.from('y'))
    d.with({ file: 0x40000 })
    d.read(file, 0, 1)
    assert.deepEqual(d.stat(file).atime, after, 'O_NOATIME')
  }
})

test('options say what is wrong with them', () => {
  assert.throws(() => memory({ size: '12 parsecs' }), /size is "12 parsecs"; give bytes/)
  assert.throws(() => memory({ size: -1 }), RangeError)
  assert.throws(() => memory({ inodes: 0 }), /inodes is 0/)
  assert.throws(() => memory({ nameMax: 5000 }), /1 to 4095/)
  assert.throws(() => memory({ atime: 'sometimes' as never }), /relatime, noatime/)
  assert.throws(() => memory({ colour: 1 } as never), /unknown option "colour"/)
  assert.throws(() => memory({ timeout: Number.NaN }), /timeout/)
  assert.throws(() => memory({ quotas: { 5: { size: 'x' } } }), /quotas\[5\].size/)
  for (const [size, bytes] of [
    ['1.5G', 1.5 * 2 ** 30],
    ['64MiB', 2 ** 26],
    [8192, 8192],
    ['4kb', 4096],
  ] as const) {
    assert.equal(new Direct({ size }).statfs().blocks, bytes / 4096)
  }
})
