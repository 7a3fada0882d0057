// Coming off: lazy, by force, hung, dead, moved, covered, at exit.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { isStale, listMounts, mountDevice, mountState, unmount } from '../../src/mount/index.js'
import { mountCalls } from '../../src/native/mount.js'
import { cannotMount, program, run } from '../mount/support/room.js'
import { end, finish, Scene } from '../mount/support/scene.js'
import { device as addon, serve } from '../mount/support/server.js'

describe('unmount', { skip: cannotMount, timeout: 300_000 }, () => {
  const scene = new Scene()

  describe('lazy and by force', () => {
    test('lazy takes a busy mount out of the tree; its user goes on', async () => {
      const { device, server } = await scene.mount()
      const inside = await scene.user('cd "$1"; echo ready; exec sleep 100')
      await device.unmount({ lazy: true })
      assert.deepEqual(scene.room.mounted(), [])
      const stat = await run('stat', ['-L', '-c', '%i', `/proc/${inside.pid}/cwd`])
      assert.equal(stat.stdout, '1\n', 'the daemon still answers')
      await end(inside)
      await server.done
      await scene.room.assertClean()
    })

    for (const fusectl of [false, true]) {
      test(`force frees callers of a daemon that answers nothing, ${fusectl ? 'with' : 'without'} fusectl`, async () => {
        const script = `${fusectl ? 'mount -t fusectl none' : 'umount 2> /dev/null'} /sys/fs/fuse/connections
          timeout -s KILL 60 "$0" "$1" "$2" & until grep -q "$4" /proc/self/mountinfo; do sleep 0.1; done
          stat "$4" 2>&1 & caller=$!; sleep 0.3
          "$0" "$1" "$3"; wait $caller; grep -c "$4" /proc/self/mountinfo; true`
        const stay = JSON.stringify({ dir: scene.mnt, after: 'stay', dumb: true })
        const force = JSON.stringify({ dir: scene.mnt, only: 'force' })
        const words = [process.execPath, program('child.js'), stay, force, scene.mnt]
        const { stdout: out } = await run('unshare', ['-m', 'sh', '-c', script, ...words])
        assert.match(out, /Software caused connection abort/)
        assert.match(out, /\n0\n$/, 'the mount is gone')
      })
    }

    test('a clean unmount that hangs ends at its timeout and says what to do; force follows', async () => {
      const { device, server } = await scene.mount()
      const calls = { ...mountCalls(), umount: () => new Promise<never>(() => {}) }
      const hung = await mountDevice(scene.mnt, { stack: true }, calls)
      const second = serve(hung.fd)
      await assert.rejects(hung.unmount({ timeout: 50 }), { code: 'ETIMEDOUT', cure: 'unmount by force' })
      await unmount(scene.mnt, { force: true })
      await second.done
      await finish({ device, server })
    })

    test('a timeout that is none', async () => {
      for (const timeout of [0, -1, Number.NaN, '5' as unknown as number]) {
        await assert.rejects(unmount(scene.mnt, { timeout }), { code: 'EINVAL', step: 'options' })
      }
    })
  })

  describe('whose mount it is', () => {
    test('nothing mounted, not FUSE, no such path', async () => {
      await assert.rejects(unmount(scene.mnt), { code: 'EINVAL', cause: 'nothing is mounted there' })
      await assert.rejects(unmount('/proc'), {
        code: 'EINVAL',
        cause: /type proc is mounted there, not FUSE/,
      })
      await assert.rejects(unmount(scene.room.at('none')), { code: 'ENOENT' })
    })

    test('by a path with symlinks, and twice', async () => {
      const { device, server } = await scene.mount()
      spawnSync('ln', ['-s', 'mnt', scene.room.at('link')])
      await unmount(scene.room.at('link'))
      await server.done
      await device.unmount()
      await device.unmount({ force: true })
      device.unmountSync()
    })

    test('a mount that was moved is found where it is now', async () => {
      mkdirSync(scene.room.at('other'))
      await run('mount', ['--bind', scene.room.dir, scene.room.dir])
      await run('mount', ['--make-private', scene.room.dir])
      const { device, server } = await scene.mount()
      const moved = await run('mount', ['--move', scene.mnt, scene.room.at('other')])
      assert.equal(moved.status, 0, moved.stderr)
      await finish({ device, server })
      await run('umount', [scene.room.dir])
      await scene.room.assertClean()
    })

    test('somebody else is mounted there now: left alone', async () => {
      const { device, server } = await scene.mount()
      await unmount(scene.mnt)
      await server.done
      const next = await scene.mount()
      // The kernel gives out the same numbers again.
      assert.equal(next.device.connectionId, device.connectionId)
      await device.unmount({ force: true })
      device.unmountSync()
      assert.equal(scene.room.mounted().length, 1)
      await finish(next)
    })
  })

  describe('dead and hung daemons', () => {
    /** A mount whose server was killed. */
    async function dead(): Promise<void> {
      const task = JSON.stringify({ dir: scene.mnt, after: 'stay' })
      const child = await scene.program(process.execPath, [program('child.js'), task])
      await end(child)
    }

    test('a dead mount is stale, is refused as a mount point, and comes off', async () => {
      await dead()
      assert.equal(await isStale(scene.mnt), true)
      await assert.rejects(mountDevice(scene.mnt), {
        code: 'ENOTCONN',
        cure: `set replaceStale, or clear it: fusewire umount ${scene.mnt}`,
      })
      await unmount(scene.mnt)
      await scene.room.assertClean()
    })

    test('replaceStale clears dead mounts, also several, also busy ones, and no other', async () => {
      await dead()
      // The second dead mount needs `stack`, because its mount point is dead.
      const second = await mountDevice(scene.mnt, { stack: true })
      addon.closeFd(second.fd)
      assert.equal(scene.room.mounted().length, 2)
      const device = await mountDevice(scene.mnt, { replaceStale: true })
      const server = serve(device.fd)
      assert.equal(scene.room.mounted().length, 1)
      await assert.rejects(mountDevice(scene.mnt, { replaceStale: true }), { code: 'EBUSY' })
      await finish({ device, server })
    })

    test('a mount point below a dead mount says so', async () => {
      await dead()
      await assert.rejects(mountDevice(scene.room.at('mnt', 'below')), {
        code: 'ENOTCONN',
        cause: /whose daemon is dead/,
      })
      await unmount(scene.mnt)
    })

    test('a hung daemon is told from a dead one; the list and the unmount do not wait for it', async () => {
      const { device, server } = await scene.mount({}, true)
      assert.equal(await mountState(scene.mnt, 100), 'hung')
      await assert.rejects(mountDevice(scene.mnt, { replaceStale: true }), {
        code: 'EBUSY',
        cure: /--force/,
      })
      assert.equal(
        (await listMounts()).find(({ mountpoint }) => mountpoint === scene.mnt)?.connectionId,
        device.connectionId,
      )
      await unmount(scene.mnt, { force: true })
      await server.done
      await scene.room.assertClean()
    })

    test('a mount point below a hung mount costs the timeout, not more, and the list goes on', async () => {
      const { server } = await scene.mount({}, true)
      const below = mountDevice(scene.room.at('mnt', 'below', 'deep'), { timeout: 200 })
      await assert.rejects(below, { code: 'ETIMEDOUT', cause: /a filesystem that does not answer/ })
      assert.ok((await listMounts()).some(({ mountpoint }) => mountpoint === scene.mnt))
      await unmount(scene.mnt, { force: true })
      await server.done
      await scene.room.assertClean()
    })

    test('an alive one is alive', async () => {
      const { device, server } = await scene.mount()
      assert.equal(await mountState(scene.mnt), 'alive')
      assert.equal(await isStale(scene.mnt), false)
      await finish({ device, server })
    })
  })

  test('unmountSync while requests hang: the process ends and the mount is gone', async () => {
    const task = JSON.stringify({ dir: scene.mnt, after: 'unmountSync', dumb: true })
    const outcome = await run(process.execPath, [program('child.js'), task])
    assert.equal(outcome.status, 0, outcome.stderr)
    await scene.room.assertClean()
  })
})
