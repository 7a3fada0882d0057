import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  connectionOf,
  deviceOf,
  escapeOctal,
  isFuseType,
  MountTable,
  parseMountInfo,
  unescapeOctal,
} from '../../src/mount/mountinfo.js'

const LINE =
  '42 27 0:39 / /tmp/a\\040b rw,nosuid,nodev - fuse.x,y\\040z a\\040b,c\\134d\\043 rw,user_id=0,group_id=0,allow_other'

test('a line of a FUSE mount, its escapes undone', () => {
  const [mount] = parseMountInfo(`${LINE}\n`)
  assert.ok(mount)
  assert.deepEqual(mount, {
    id: 42,
    parent: 27,
    major: 0,
    minor: 39,
    root: '/',
    mountpoint: '/tmp/a b',
    flags: ['rw', 'nosuid', 'nodev'],
    propagation: [],
    type: 'fuse.x,y z',
    source: 'a b,c\\d#',
    options: ['rw', 'user_id=0', 'group_id=0', 'allow_other'],
  })
  assert.equal(connectionOf(mount), 39)
  assert.equal(deviceOf(mount), '0:39')
})

test('propagation tags, an empty source, and a block device above 2^20', () => {
  const [mount] = parseMountInfo('36 35 7:1 /root /mnt rw shared:1 master:2 - fuseblk.ntfs  rw')
  assert.ok(mount)
  assert.deepEqual(mount.propagation, ['shared:1', 'master:2'])
  assert.equal(mount.source, '')
  assert.equal(connectionOf(mount), 7 * 2 ** 20 + 1)
})

test('lines without the shape of a mount are left out, whatever they hold', () => {
  for (const line of [
    '',
    ' ',
    'a b c',
    '1 2 x / / rw - t s rw',
    '1 2 0:1 / / rw t s rw',
    'x 2 0:1 / / rw - t s rw',
  ]) {
    assert.deepEqual(parseMountInfo(line), [], line)
  }
  fc.assert(fc.property(fc.string(), (text) => void parseMountInfo(text)))
})

test('the table of this machine: every line is understood', () => {
  const text = readFileSync('/proc/self/mountinfo', 'utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  assert.equal(parseMountInfo(text).length, lines.length)
  assert.ok(new MountTable(parseMountInfo(text)).at('/'))
})

test('octal escapes: what the kernel escapes comes back, for every text', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => unescapeOctal(escapeOctal(text)) === text))
  // The kernel escapes bytes, so one letter may come as two escapes.
  assert.equal(unescapeOctal('\\303\\251'), '\u00e9')
  assert.equal(unescapeOctal('a\\9b\\'), 'a\\9b\\')
})

test('an escaped field has no blank, so a line stays in its columns', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[ \t\n]/.test(escapeOctal(text))))
})

test('FUSE types', () => {
  for (const type of ['fuse', 'fuse.sshfs', 'fuseblk', 'fuseblk.ntfs'])
    assert.equal(isFuseType(type), true, type)
  for (const type of ['fusectl', 'fusex', 'virtiofs', 'ext4', '']) assert.equal(isFuseType(type), false, type)
})

function table(...entries: [id: number, parent: number, mountpoint: string][]): MountTable {
  return new MountTable(
    parseMountInfo(
      entries.map(([id, parent, at]) => `${id} ${parent} 0:${id} / ${at} rw - fuse s rw`).join('\n'),
    ),
  )
}

test('stacked mounts: the last one is visible, whatever the order of the lines', () => {
  const stack = table([1, 0, '/'], [4, 3, '/m'], [2, 1, '/m'], [3, 2, '/m'])
  assert.equal(stack.at('/m')?.id, 4)
  assert.equal(stack.at('/m/x'), undefined)
  assert.equal(stack.containing('/m/x')?.id, 4)
  assert.equal(stack.containing('/mm')?.id, 1)
})

test('a mount hidden below a later one of its parent directory is not visible', () => {
  const hidden = table([1, 0, '/'], [2, 1, '/a/b'], [3, 1, '/a'])
  assert.equal(hidden.at('/a/b'), undefined)
  assert.equal(hidden.containing('/a/b')?.id, 3)
  const shown = table([1, 0, '/'], [2, 1, '/a'], [3, 2, '/a/b'])
  assert.equal(shown.at('/a/b')?.id, 3)
})

test('in a chroot the root may be no mount: then the mounts below it are found all the same', () => {
  const chroot = table([5, 1, '/proc'], [6, 5, '/proc/x'])
  assert.equal(chroot.at('/proc/x')?.id, 6)
  assert.equal(chroot.containing('/home'), undefined)
})
