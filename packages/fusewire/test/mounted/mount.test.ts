// Every way of root on the real kernel: what mountinfo says, the options, the root as a file.
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import {
  type MountedDevice,
  type MountMethod,
  type MountOptions,
  mountDevice,
} from '../../src/mount/index.js'
import { connectionOf, deviceOf, type MountInfo, MountTable } from '../../src/mount/mountinfo.js'
import { cannotMount, noHelper, Room, run } from '../mount/support/room.js'
import { serve } from '../mount/support/server.js'

const WAYS: [Exclude<MountMethod, 'fd'>, string | false][] = [
  ['fsmount', cannotMount],
  ['mount', cannotMount],
  ['fusermount3', noHelper],
]

for (const [method, skip] of WAYS) describe(`mount by ${method}`, { skip }, () => suite(method))

function suite(method: Exclude<MountMethod, 'fd'>): void {
  let room: Room
  beforeEach(() => {
    room = new Room()
    mkdirSync(room.at('mnt'))
  })
  afterEach(() => room.remove())

  /** Mounts, serves, looks, unmounts; then nothing may be left. */
  async function mounted(
    options: MountOptions,
    look: (device: MountedDevice, mount: MountInfo) => Promise<void> | void,
    at = room.at('mnt'),
  ): Promise<void> {
    const device = await mountDevice(at, { method, ...options })
    const server = serve(device.fd, options.rootType === 'file' ? 0o100644 : 0o40755)
    try {
      const mount = MountTable.read().at(device.mountpoint)
      assert.ok(mount, 'it is in mountinfo')
      await look(device, mount)
    } finally {
      await device.unmount()
      await server.done
    }
    await room.assertClean()
  }

  test('the mount is served, and the result tells what it is', () =>
    mounted({}, async (device, mount) => {
      assert.equal(device.method, method)
      assert.equal(device.mountpoint, room.at('mnt'))
      assert.equal(device.connectionId, connectionOf(mount))
      assert.equal(device.device, deviceOf(mount))
      assert.deepEqual(device.refused, [])
      assert.equal(mount.type, 'fuse')
      assert.equal(mount.source, 'fusewire')
      assert.ok(
        ['nosuid', 'nodev', 'rw'].every((flag) => mount.flags.includes(flag)),
        mount.flags.join(),
      )
      assert.ok(mount.options.includes('user_id=0') && mount.options.includes('group_id=0'))
      const stat = await run('stat', ['-c', '%F %i', device.mountpoint])
      assert.equal(stat.stdout, 'directory 1\n')
    }))

  const names = [
    'plain',
    'a b',
    'a,b',
    'a\\b',
    'a,x-b',
    'a\\,b',
    'a#b',
    'tab\tnew\nline',
    '\u00e9\u4e2d',
    'a=b',
    '-o',
    'x'.repeat(200),
  ]
  for (const name of names) {
    test(`fsname and subtype ${JSON.stringify(name.slice(0, 20))} arrive as they are`, () =>
      mounted({ fsname: name, subtype: name }, (_, mount) => {
        assert.equal(mount.source, name)
        assert.equal(mount.type, `fuse.${name}`)
      }))
  }

  test('without fsname the subtype is the source', () =>
    mounted({ subtype: 'demo' }, (_, mount) => assert.equal(mount.source, 'demo')))

  test('flags and kernel options', () => {
    const flags = { readOnly: true, noexec: true, noatime: true, sync: true, dirsync: true }
    // fusermount3 of libfuse 3.14 does not know this one; the kernel does.
    const direct = method === 'fusermount3' ? {} : { nodiratime: true, nosymfollow: true }
    const kernel = { allowOther: true, defaultPermissions: true, maxRead: 65536 }
    return mounted({ ...flags, ...direct, ...kernel }, (_, mount) => {
      const shown = new Set([...mount.flags, ...mount.options])
      const wanted = ['ro', 'noexec', 'noatime', 'sync', 'dirsync', ...Object.keys(direct)]
      wanted.push('allow_other', 'default_permissions', 'max_read=65536')
      assert.deepEqual(
        wanted.filter((word) => !shown.has(word)),
        [],
      )
      assert.ok(
        mount.flags.includes('ro') && mount.options.includes('ro'),
        'mount and superblock are read-only',
      )
    })
  })

  test('set-user-id bits and device nodes can be allowed', () =>
    mounted({ nosuid: false, nodev: false }, (_, mount) => {
      assert.ok(!mount.flags.includes('nosuid') && !mount.flags.includes('nodev'), mount.flags.join())
    }))

  test('allowRoot asks the kernel for allow_other and tells the session', () =>
    mounted({ allowRoot: true }, (device, mount) => {
      assert.equal(device.allowRoot, true)
      assert.ok(mount.options.includes('allow_other'))
    }))

  test('a file as the mount point, with a file as the root', async () => {
    writeFileSync(room.at('file'), 'below')
    await mounted(
      { rootType: 'file' },
      async (device) => {
        const stat = await run('stat', ['-c', '%F', device.mountpoint])
        assert.equal(stat.stdout, 'regular file\n')
      },
      room.at('file'),
    )
  })

  test('a mount point with files in it, by a symlink, by a name with blanks, commas and backslashes', async () => {
    mkdirSync(room.at('a b,c\\d', 'full'), { recursive: true })
    symlinkSync('a b,c\\d', room.at('link'))
    await mounted({}, (device) => assert.equal(device.mountpoint, room.at('a b,c\\d')), room.at('link/'))
  })

  test('on top of a mount, if stack says so', async () => {
    await mounted({ fsname: 'lower' }, async (lower) => {
      const upper = await mountDevice(room.at('mnt'), { method, stack: true, fsname: 'upper' })
      const server = serve(upper.fd)
      assert.equal(MountTable.read().at(room.at('mnt'))?.source, 'upper')
      await assert.rejects(lower.unmount(), { code: 'EBUSY' })
      await upper.unmount()
      await server.done
    })
  })
}

describe('autoUnmount', { skip: noHelper, timeout: 300_000 }, () => {
  const room = new Room()
  after(() => room.remove())

  test('the helper mounts, for root too, and a clean unmount ends it', async () => {
    mkdirSync(room.at('mnt'))
    const device = await mountDevice(room.at('mnt'), { autoUnmount: true })
    const server = serve(device.fd)
    assert.equal(device.method, 'fusermount3')
    await device.unmount()
    await server.done
    await room.assertClean()
  })
})

describe('a chain of mounts', { skip: cannotMount, timeout: 300_000 }, () => {
  const room = new Room()
  after(() => room.remove())

  test('40 mounts and unmounts, and as many at once, leave nothing behind', async () => {
    const cycle = async (name: string) => {
      mkdirSync(room.at(name))
      const device = await mountDevice(room.at(name))
      const server = serve(device.fd)
      await device.unmount()
      await server.done
    }
    for (let i = 0; i < 40; i++) await cycle(`one-${i}`)
    await Promise.all(Array.from({ length: 40 }, (_, i) => cycle(`many-${i}`)))
    await room.assertClean()
  })
})
