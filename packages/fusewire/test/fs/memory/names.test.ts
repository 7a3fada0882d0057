import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errnoName } from '../../../src/api/errors.js'
import { RENAME_FLAG } from '../../../src/fs/common/constants.js'
import { Direct } from './direct.js'

const ROOT = 1
const { NOREPLACE, EXCHANGE, WHITEOUT } = RENAME_FLAG

function is(result: unknown, name: string): void {
  assert.equal(typeof result === 'number' && result < 0 ? errnoName(-result) : result, name)
}

test('a node lives while it has a name, the kernel knows it, or it is open', () => {
  const d = new Direct()
  const [node, handle] = d.create(ROOT, 'f')
  d.fs.write(d.req, node, handle, 0, Buffer.from('data'))
  assert.equal(d.fs.unlink(d.req, ROOT, 'f'), 0)
  assert.equal(d.stat(node).nlink, 0)
  assert.equal(d.read(node, 0, 10).toString(), 'data')
  d.fs.forget(node, 1)
  assert.equal(d.read(node, 0, 10).toString(), 'data', 'it is open')
  d.fs.release(d.req, node, handle)
  assert.deepEqual(d.fs.usage(), { inodes: 1, bytes: 0, lookups: 0, opens: 0 })
  is(d.fs.open(d.req, node, 0, null as never), 'ESTALE')
})

test('a node with a name outlives every forget; lookups count exactly', () => {
  const d = new Direct()
  const node = d.mknod(ROOT, 'f')
  for (let i = 0; i < 1000; i++) assert.equal(d.lookup(ROOT, 'f'), node)
  assert.equal(d.fs.usage().lookups, 1001)
  d.fs.forget(node, 1000)
  d.fs.forget(node, 1)
  assert.equal(d.fs.usage().lookups, 0)
  assert.equal(d.lookup(ROOT, 'f'), node)
  d.fs.unlink(d.req, ROOT, 'f')
  d.fs.forget(node, 1)
  assert.equal(d.fs.usage().inodes, 1)
  const next = d.mknod(ROOT, 'g')
  assert.equal(next, node, 'the id is used again')
  assert.equal(d.generation(ROOT, 'g'), 1)
})

test('the end of the mount drops every count, and the files can be mounted again', async () => {
  const d = new Direct()
  const [node] = d.create(ROOT, 'kept')
  const [gone] = d.create(ROOT, 'gone')
  d.fs.unlink(d.req, ROOT, 'gone')
  d.setlk(1, node, 7, 1, [0, 9])
  const waiting = d.setlk(2, node, 8, 1, [0, 9], true)
  d.fs.destroy()
  is(await waiting, 'ENODEV')
  assert.deepEqual(d.fs.usage(), { inodes: 2, bytes: 0, lookups: 0, opens: 0 })
  is(d.fs.getattr(d.req, gone, undefined, null as never), 'ESTALE')
  assert.equal(d.lookup(ROOT, 'kept'), node)
  assert.equal(d.setlk(3, node, 9, 1, [0, 9]), 0, 'locks went with the mount')
})

test('names are refused for what is wrong with them', () => {
  const d = new Direct({ nameMax: 10 })
  const file = d.mknod(ROOT, 'file')
  is(d.mknod(ROOT, 'file'), 'EEXIST')
  is(d.mkdir(ROOT, '12345678901'), 'ENAMETOOLONG')
  assert.ok(d.mkdir(ROOT, '1234567890') > 0)
  for (const name of ['', '.', '..', 'a/b', 'a\0b']) is(d.mkdir(ROOT, name), 'EINVAL')
  is(d.mknod(file, 'x'), 'ENOTDIR')
  is(d.lookup(file, 'x'), 'ENOTDIR')
  is(d.lookup(ROOT, 'x'), 'ENOENT')
  is(d.lookup(ROOT, '12345678901'), 'ENAMETOOLONG')
  is(d.mknod(99, 'x'), 'ESTALE')
  is(d.mknod(ROOT, 'x', 0o040644), 'EPERM')
  is(d.symlink(ROOT, 's', ''), 'ENOENT')
  is(d.symlink(ROOT, 's', 'x'.repeat(4096)), 'ENAMETOOLONG')
  assert.equal(d.readlink(d.symlink(ROOT, 's', 'x'.repeat(4095))), 'x'.repeat(4095))
  assert.equal(d.readlink(d.symlink(ROOT, 'l', 'caf\xe9')), 'caf\xe9', 'targets are bytes')
  is(d.fs.readlink(d.req, file, null as never), 'EINVAL')
})

test('unlink, rmdir and link keep to types, emptiness and limits', () => {
  const d = new Direct({ linkMax: 3 })
  const dir = d.mkdir(ROOT, 'dir')
  const file = d.mknod(dir, 'file')
  assert.equal(d.stat(ROOT).nlink, 3)
  is(d.mkdir(ROOT, 'one too many'), 'EMLINK')
  is(d.fs.unlink(d.req, ROOT, 'dir'), 'EISDIR')
  is(d.fs.rmdir(d.req, dir, 'file'), 'ENOTDIR')
  is(d.fs.rmdir(d.req, ROOT, 'dir'), 'ENOTEMPTY')
  is(d.link(dir, ROOT, 'hard'), 'EPERM')
  assert.equal(d.link(file, ROOT, 'a'), file)
  is(d.link(file, ROOT, 'a'), 'EEXIST')
  assert.equal(d.link(file, dir, 'b'), file)
  is(d.link(file, dir, 'c'), 'EMLINK')
  assert.equal(d.stat(file).nlink, 3)
  for (const name of ['file', 'b']) assert.equal(d.fs.unlink(d.req, dir, name), 0)
  is(d.fs.unlink(d.req, dir, 'file'), 'ENOENT')
  assert.equal(d.fs.rmdir(d.req, ROOT, 'dir'), 0)
  assert.equal(d.stat(ROOT).nlink, 2)
  is(d.mknod(dir, 'in a removed directory'), 'ENOENT')
  is(d.link(file, dir, 'x'), 'ENOENT')
})

test('O_TMPFILE: a name may come later, unless O_EXCL said never', () => {
  const d = new Direct()
  const [node, handle] = d.tmpfile(ROOT)
  d.fs.write(d.req, node, handle, 0, Buffer.from('later'))
  assert.equal(d.stat(node).nlink, 0)
  assert.equal(d.link(node, ROOT, 'named'), node)
  assert.equal(d.stat(node).nlink, 1)
  const [never] = d.tmpfile(ROOT, 0o600, 0x410002 | 0x80)
  is(d.link(never, ROOT, 'x'), 'ENOENT')
  d.fs.unlink(d.req, ROOT, 'named')
  is(d.link(node, ROOT, 'again'), 'ENOENT')
})

test('create opens what is there, unless O_EXCL', () => {
  const d = new Direct()
  const [node] = d.create(ROOT, 'f')
  d.fs.write(d.req, node, 0, 0, Buffer.from('x'))
  const [same] = d.create(ROOT, 'f')
  assert.equal(same, node)
  assert.equal(d.stat(node).size, 1)
  assert.equal(d.create(ROOT, 'f', 0o644, 0x42 | 0x200)[0], node)
  assert.equal(d.stat(node).size, 0)
  assert.throws(() => d.create(ROOT, 'f', 0o644, 0x42 | 0x80), /-17/)
})

test('rename: every refusal of POSIX, and nothing changes with it', () => {
  const d = new Direct()
  const a = d.mkdir(ROOT, 'a')
  const b = d.mkdir(a, 'b')
  const c = d.mkdir(b, 'c')
  const file = d.mknod(ROOT, 'file')
  const rename = (from: number, name: string, to: number, newName: string, flags = 0) =>
    d.fs.rename(d.req, from, name, to, newName, flags)
  is(rename(ROOT, 'none', ROOT, 'x'), 'ENOENT')
  is(rename(ROOT, 'a', c, 'x'), 'EINVAL')
  is(rename(ROOT, 'a', a, 'x'), 'EINVAL')
  is(rename(ROOT, 'a', ROOT, 'file'), 'ENOTDIR')
  is(rename(ROOT, 'file', ROOT, 'a'), 'EISDIR')
  is(rename(b, 'c', ROOT, 'a'), 'ENOTEMPTY')
  is(rename(ROOT, 'file', ROOT, 'a', NOREPLACE), 'EEXIST')
  is(rename(ROOT, 'file', ROOT, 'none', EXCHANGE), 'ENOENT')
  is(rename(ROOT, 'a', b, 'c', EXCHANGE), 'EINVAL')
  is(rename(b, 'c', ROOT, 'a', EXCHANGE), 'EINVAL')
  is(rename(ROOT, 'file', ROOT, 'a', EXCHANGE | NOREPLACE), 'EINVAL')
  is(rename(ROOT, 'file', ROOT, 'x'.repeat(256)), 'ENAMETOOLONG')
  is(rename(file, 'x', ROOT, 'y'), 'ENOTDIR')
  assert.deepEqual(
    [ROOT, a, b, c].map((node) => d.stat(node).nlink),
    [3, 3, 3, 2],
  )
  assert.deepEqual([d.lookup(ROOT, 'a'), d.lookup(a, 'b'), d.lookup(b, 'c')], [a, b, c])
})

test('rename moves, replaces, exchanges and leaves a whiteout', () => {
  const d = new Direct()
  const a = d.mkdir(ROOT, 'a')
  const b = d.mkdir(ROOT, 'b')
  const sub = d.mkdir(a, 'sub')
  const empty = d.mkdir(b, 'empty')
  assert.equal(d.fs.rename(d.req, a, 'sub', b, 'empty', 0), 0)
  assert.equal(d.lookup(b, 'empty'), sub)
  assert.deepEqual([d.stat(a).nlink, d.stat(b).nlink, d.stat(empty).nlink], [2, 3, 0])
  const file = d.mknod(ROOT, 'file')
  assert.equal(d.fs.rename(d.req, ROOT, 'file', b, 'empty', EXCHANGE), 0)
  assert.deepEqual([d.lookup(ROOT, 'file'), d.lookup(b, 'empty')], [sub, file])
  assert.deepEqual([d.stat(b).nlink, d.stat(ROOT).nlink], [2, 5])
  assert.equal(d.lookup(sub, '..'), ROOT)
  assert.equal(d.link(file, ROOT, 'hard'), file)
  assert.equal(d.fs.rename(d.req, ROOT, 'hard', b, 'empty', 0), 0, 'two names of one file: nothing to do')
  assert.equal(d.lookup(ROOT, 'hard'), file)
  assert.equal(d.fs.rename(d.req, ROOT, 'hard', ROOT, 'moved', WHITEOUT), 0)
  const white = d.lookup(ROOT, 'hard')
  assert.equal(d.stat(white).mode, 0o020000)
  assert.equal(d.stat(white).nlink, 1)
  assert.equal(d.lookup(ROOT, 'moved'), file)
})

test('a replaced file loses its name; open, it lives on', () => {
  const d = new Direct()
  const [old, handle] = d.create(ROOT, 'old')
  d.fs.write(d.req, old, handle, 0, Buffer.from('old'))
  const fresh = d.mknod(ROOT, 'new')
  const before = d.stat(fresh).ctime
  assert.equal(d.fs.rename(d.req, ROOT, 'new', ROOT, 'old', 0), 0)
  assert.equal(d.lookup(ROOT, 'old'), fresh)
  assert.equal(d.stat(old).nlink, 0)
  assert.equal(d.read(old, 0, 9).toString(), 'old')
  assert.ok(compare(d.stat(fresh).ctime, before) >= 0)
  assert.deepEqual(
    d.readdir(ROOT, 2, 4096).map(([name]) => name),
    ['old'],
  )
})

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1]
}

test('readdir goes on from any cookie, in records of any size; readdirplus counts all but the dots', () => {
  const d = new Direct()
  const names = Array.from({ length: 300 }, (_, i) => `name-${i}`)
  for (const name of names) d.fs.forget(d.mknod(ROOT, name), 1)
  const listAll = (list: (offset: number) => (readonly [string, number])[]): string[] => {
    const found: string[] = []
    for (let offset = 0; ; ) {
      const part = list(offset)
      const last = part.at(-1)
      if (last === undefined) return found
      found.push(...part.map(([name]) => name))
      offset = last[1]
    }
  }
  assert.deepEqual(
    listAll((offset) => d.readdir(ROOT, offset, 512)),
    ['.', '..', ...names],
  )
  assert.equal(d.fs.usage().lookups, 0)
  assert.deepEqual(
    listAll((offset) => d.readdirplus(ROOT, offset, 4096)),
    ['.', '..', ...names],
  )
  assert.equal(d.fs.usage().lookups, 300)
})
