// Who uses a mount, and the list of mounts: both are read without touching a mount.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { describe, test } from 'node:test'
import { holders, listMounts, MountError, mountDevice, mountState } from '../../src/mount/index.js'
import { mountCalls } from '../../src/native/mount.js'
import { startChild } from '../mount/support/namespace.js'
import { cannotMount, noHelper, noPython, program, run } from '../mount/support/room.js'
import { end, finish, Scene } from '../mount/support/scene.js'
import { serve } from '../mount/support/server.js'

describe('mounts in use', { skip: cannotMount, timeout: 300_000 }, () => {
  const scene = new Scene()

  async function busy(run: () => Promise<void>): Promise<MountError> {
    const error = await run().then(
      () => assert.fail('it was unmounted'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof MountError, String(error))
    assert.equal(error.code, 'EBUSY')
    return error
  }

  describe('holders', () => {
    test('a working directory and an open directory, named by pid, command and descriptor', async () => {
      const { device, server } = await scene.mount()
      const cwd = await scene.user('cd "$1"; echo ready; exec sleep 100')
      const open = await scene.user('exec 7< "$1"; echo ready; exec sleep 101')
      const requests = server.seen.length
      const error = await busy(() => device.unmount())
      const found = error.holders.map(({ pid, command, kind, fd, path }) => ({
        pid,
        command,
        kind,
        fd,
        path,
      }))
      const path = scene.mnt
      assert.deepEqual(
        found.sort((a, b) => a.command.localeCompare(b.command)),
        [
          { pid: cwd.pid, command: 'sleep 100', kind: 'cwd', fd: null, path },
          { pid: open.pid, command: 'sleep 101', kind: 'fd', fd: 7, path },
        ],
      )
      assert.match(
        error.message,
        new RegExp(`it is in use by .*pid ${cwd.pid} \\(sleep 100\\) by cwd ${path}`),
      )
      assert.equal(server.seen.length, requests, 'the mount was not touched')
      assert.equal((await holders(path)).holders.length, 2)
      await end(cwd)
      await end(open)
      await finish({ device, server })
    })

    test('a mount on top of it', async () => {
      const { device, server } = await scene.mount()
      await run('mount', ['--bind', scene.mnt, scene.mnt])
      const error = await busy(() => device.unmount())
      assert.match(error.message, /another filesystem \(fuse\) is mounted on top of it/)
      await run('umount', [scene.mnt])
      await finish({ device, server })
    })

    test('a file that is mapped into memory', { skip: noPython }, async () => {
      const { device, server } = await scene.mountFile()
      const script = `import mmap, os, sys, time
f = os.open(sys.argv[1], os.O_RDONLY)
m = mmap.mmap(f, 4096, prot=mmap.PROT_READ)
os.close(f)
print("ready", flush=True)
time.sleep(100)`
      const child = await scene.program('python3', ['-c', script, scene.room.at('file')])
      const error = await busy(() => device.unmount())
      assert.ok(
        error.holders.some(
          ({ pid, kind, path }) => pid === child.pid && kind === 'mmap' && path === scene.room.at('file'),
        ),
        error.message,
      )
      await end(child)
      await finish({ device, server })
    })

    test('a process in another mount namespace uses a copy: it is found, and keeps nobody from unmounting', async () => {
      const { device, server } = await scene.mount()
      const copy = await scene.user(
        'exec unshare -m bash -c \'cd "$1"; echo ready; exec sleep 100\' bash "$1"',
      )
      const { holders: found } = await holders(scene.mnt)
      assert.deepEqual(
        found.map(({ pid, kind }) => [pid, kind]),
        [[copy.pid, 'cwd']],
      )
      await device.unmount()
      await end(copy)
      await server.done
    })

    test('nobody on a free mount, nobody where nothing is mounted', async () => {
      const { device, server } = await scene.mount()
      assert.deepEqual((await holders(scene.mnt)).holders, [])
      assert.deepEqual((await holders(scene.room.dir)).holders, [])
      await assert.rejects(holders(scene.room.at('none')), { name: 'MountError', code: 'ENOENT' })
      await finish({ device, server })
    })
  })

  describe('list', () => {
    test('source, type, options, connection, daemon; not touched, other types left out', async () => {
      const device = await mountDevice(scene.mnt, { fsname: 'a b', subtype: 'demo', readOnly: true })
      const server = serve(device.fd)
      await mountState(scene.mnt)
      const requests = server.seen.length
      const all = await listMounts()
      const [mine] = all.filter(({ mountpoint }) => mountpoint === scene.mnt)
      assert.ok(mine)
      const { source, type, subtype, uid, connectionId, visible } = mine
      assert.deepEqual(
        { source, type, subtype, uid, connectionId, visible },
        {
          source: 'a b',
          type: 'fuse.demo',
          subtype: 'demo',
          uid: 0,
          connectionId: device.connectionId,
          visible: true,
        },
      )
      assert.equal(mine.device, device.device)
      assert.ok(mine.options.includes('ro') && mine.options.includes('nosuid'))
      assert.deepEqual(
        mine.daemons.map(({ pid }) => pid),
        [process.pid],
      )
      assert.ok(mine.daemons[0]?.command.includes('node'))
      assert.ok(all.every(({ type: each }) => each.startsWith('fuse')))
      assert.equal(server.seen.length, requests)
      await finish({ device, server })
    })

    test('covered mounts are listed and marked', async () => {
      const { device, server } = await scene.mount()
      const upper = await mountDevice(scene.mnt, { stack: true })
      const second = serve(upper.fd)
      const mine = (await listMounts()).filter(({ mountpoint }) => mountpoint === scene.mnt)
      assert.deepEqual(
        mine.map(({ connectionId, visible }) => [connectionId, visible]),
        [
          [device.connectionId, false],
          [upper.connectionId, true],
        ],
      )
      await upper.unmount()
      await second.done
      await finish({ device, server })
    })
  })

  describe('a descriptor handed in', () => {
    test('one that is mounted is served; unmounting works where the mount is visible', async () => {
      const first = await mountDevice(scene.mnt)
      const device = await mountDevice(`/dev/fd/${first.fd}`)
      assert.equal(device.method, 'fd')
      assert.equal(device.mountpoint, scene.mnt)
      assert.equal(device.connectionId, first.connectionId)
      const server = serve(device.fd)
      await finish({ device, server })
      await scene.room.assertClean()
    })

    test('one that is mounted a little later', async () => {
      const calls = mountCalls()
      const fd = await calls.open('/dev/fuse', 2)
      const waiting = mountDevice(`/dev/fd/${fd}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
      const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
      assert.equal(await calls.mount('later', scene.mnt, 'fuse', 0, data), 0)
      const device = await waiting
      assert.equal(device.mountpoint, scene.mnt)
      const server = serve(device.fd)
      await finish({ device, server })
    })
  })

  describe('as a user', { skip: noHelper }, () => {
    test('holders of other users are counted, not named', async () => {
      mkdirSync(scene.room.at('scratch'))
      spawnSync('chown', ['-R', '65534:65534', scene.room.dir])
      // Root's shell sits in the user's mount (allow_other), where the user cannot see it.
      const task = { dir: scene.mnt, options: { allowOther: true }, after: 'stay' } as const
      const child = startChild(scene.room.at('scratch'), task, { conf: 'user_allow_other\n' })
      await child.report()
      const enter = ['-t', String(child.pid), '-m']
      const script = `cd ${scene.mnt}; echo ready; exec sleep 100`
      const inside = await scene.program('nsenter', [...enter, 'sh', '-c', script])
      const only = JSON.stringify({ dir: scene.mnt, only: 'unmount' })
      const ids = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
      const clean = ['env', '-u', 'FUSEWIRE_ADDON', '-u', 'LD_PRELOAD']
      const words = [...enter, ...clean, ...ids, process.execPath, program('child.js'), only]
      const { stdout: outcome } = await run('nsenter', words)
      const report = JSON.parse(outcome) as { code: string; message: string; holders: number }
      assert.equal(report.code, 'EBUSY')
      assert.equal(report.holders, 0)
      assert.match(report.message, /one of \d+ processes that this user may not look into/)
      await end(inside)
      await child.kill()
    })
  })
})
