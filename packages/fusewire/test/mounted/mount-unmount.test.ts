// Coming off: busy, lazy, forced, hung, dead, moved, covered, at exit; and the list of mounts that touches none.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import {
  holders,
  isStale,
  listMounts,
  MountError,
  type MountedDevice,
  mountDevice,
  mountState,
  unmount,
} from '../../src/mount/index.js'
import { connectionOf, MountTable } from '../../src/mount/mountinfo.js'
import { mountCalls } from '../../src/native/mount.js'
import { type Child, startChild } from '../mount/support/namespace.js'
import { cannotMount, noHelper, program, Room, run } from '../mount/support/room.js'
import { device as addon, type Server, serve } from '../mount/support/server.js'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until `ask` says yes, at most five seconds. */
async function until(ask: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await ask()) return
    await sleep(10)
  }
  assert.fail('it did not come about')
}

describe('unmount', { skip: cannotMount, timeout: 300_000 }, () => {
  let room: Room
  const users: ChildProcess[] = []
  beforeEach(() => {
    room = new Room()
    mkdirSync(room.at('mnt'))
  })
  afterEach(async () => {
    for (const child of users.splice(0)) await end(child)
    room.remove()
  })

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  /** Starts a shell that uses the mount and says `ready` on its standard output. Never with `cwd`: see the brief of spawn. */
  async function user(script: string): Promise<ChildProcess> {
    const child = spawn('bash', ['-c', script, 'bash', room.at('mnt')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    users.push(child)
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    return child
  }

  async function mountHere(
    answerNothing = false,
    mode = 0o40755,
  ): Promise<{ device: MountedDevice; server: Server }> {
    const file = mode !== 0o40755
    if (file) writeFileSync(room.at('file'), '')
    const device = await mountDevice(room.at(file ? 'file' : 'mnt'), {
      rootType: file ? 'file' : 'directory',
    })
    return { device, server: serve(device.fd, mode, answerNothing) }
  }

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
      const { device, server } = await mountHere()
      const cwd = await user('cd "$1"; echo ready; exec sleep 100')
      const open = await user('exec 7< "$1"; echo ready; exec sleep 101')
      const requests = server.seen.length
      const error = await busy(() => device.unmount())
      const found = error.holders.map(({ pid, command, kind, fd, path }) => ({
        pid,
        command,
        kind,
        fd,
        path,
      }))
      const path = room.at('mnt')
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
      await device.unmount()
      await server.done
    })

    test('a root directory and a mount on top of a directory of it', async () => {
      const { device, server } = await mountHere()
      // Only in a namespace of its own can the covered mount be told from its copy.
      await run('mount', ['--bind', room.at('mnt'), room.at('mnt')])
      const error = await busy(() => device.unmount())
      assert.match(error.message, /another filesystem \(fuse\) is mounted on top of it/)
      const below = MountTable.read().all.find((mount) => connectionOf(mount) === device.connectionId)
      assert.ok(below)
      await run('umount', [room.at('mnt')])
      await device.unmount()
      await server.done
    })

    test('a file that is mapped into memory', async () => {
      const { device, server } = await mountHere(false, 0o100644)
      const script =
        'import mmap,os,sys,time\nf=os.open(sys.argv[1],os.O_RDONLY)\nm=mmap.mmap(f,4096,prot=mmap.PROT_READ)\nos.close(f)\nprint("ready",flush=True)\ntime.sleep(100)'
      const child = spawn('python3', ['-c', script, room.at('file')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      users.push(child)
      await new Promise((resolve) => child.stdout?.once('data', resolve))
      const error = await busy(() => device.unmount())
      assert.ok(
        error.holders.some(
          ({ pid, kind, path }) => pid === child.pid && kind === 'mmap' && path === room.at('file'),
        ),
        error.message,
      )
      await end(child)
      await device.unmount()
      await server.done
    })

    test('a process in another mount namespace uses a copy: it is found, and keeps nobody from unmounting', async () => {
      const { device, server } = await mountHere()
      const copy = await user('exec unshare -m bash -c \'cd "$1"; echo ready; exec sleep 100\' bash "$1"')
      const { holders: found } = await holders(room.at('mnt'))
      assert.deepEqual(
        found.map(({ pid, kind }) => [pid, kind]),
        [[copy.pid, 'cwd']],
      )
      await device.unmount()
      await end(copy)
      await server.done
    })

    test('nobody on a free mount, nobody where nothing is mounted', async () => {
      const { device, server } = await mountHere()
      assert.deepEqual((await holders(room.at('mnt'))).holders, [])
      assert.deepEqual((await holders(room.dir)).holders, [])
      await device.unmount()
      await server.done
    })
  })

  describe('lazy and by force', () => {
    test('lazy takes a busy mount out of the tree; its user goes on', async () => {
      const { device, server } = await mountHere()
      const inside = await user('cd "$1"; echo ready; exec sleep 100')
      await device.unmount({ lazy: true })
      assert.deepEqual(room.mounted(), [])
      const stat = await run('stat', ['-L', '-c', '%i', `/proc/${inside.pid}/cwd`])
      assert.equal(stat.stdout, '1\n', 'the daemon still answers')
      await end(inside)
      await server.done
      await room.assertClean()
    })

    for (const fusectl of [false, true]) {
      test(`force frees callers of a daemon that answers nothing, ${fusectl ? 'with' : 'without'} fusectl`, async () => {
        const child = spawn('unshare', [
          ...['-m', 'sh', '-c'],
          `${fusectl ? 'mount -t fusectl none /sys/fs/fuse/connections' : 'umount /sys/fs/fuse/connections 2>/dev/null'}
          timeout -s KILL 20 "$0" "$1" "$2" & sleep 0.1; until grep -q "$4" /proc/self/mountinfo; do sleep 0.1; done
          stat "$4" 2>&1 & caller=$!; sleep 0.3
          "$0" "$1" "$3"; wait $caller; grep -c "$4" /proc/self/mountinfo`,
          process.execPath,
          program('child.js'),
          JSON.stringify({ dir: room.at('mnt'), after: 'stay', dumb: true }),
          JSON.stringify({ dir: room.at('mnt'), only: 'force' }),
          room.at('mnt'),
        ])
        users.push(child)
        let out = ''
        child.stdout.on('data', (chunk) => (out += String(chunk)))
        await new Promise((resolve) => child.once('close', resolve))
        assert.match(out, /Software caused connection abort|Transport endpoint is not connected/)
        assert.match(out, /\n0\n$/, 'the mount is gone')
      })
    }

    test('a clean unmount that hangs ends at its timeout and says what to do; force follows', async () => {
      const { device, server } = await mountHere()
      const calls = { ...mountCalls(), umount: () => new Promise<never>(() => {}) }
      const hung = await mountDevice(room.at('mnt'), { stack: true }, calls)
      const second = serve(hung.fd)
      await assert.rejects(hung.unmount({ timeout: 50 }), { code: 'ETIMEDOUT', cure: 'unmount by force' })
      await unmount(room.at('mnt'), { force: true })
      await second.done
      await device.unmount()
      await server.done
    })

    test('a timeout that is none', async () => {
      for (const timeout of [0, -1, Number.NaN, '5' as unknown as number]) {
        await assert.rejects(unmount(room.at('mnt'), { timeout }), { code: 'EINVAL', step: 'options' })
      }
    })
  })

  describe('whose mount it is', () => {
    test('nothing mounted, not FUSE, no such path', async () => {
      await assert.rejects(unmount(room.at('mnt')), { code: 'EINVAL', cause: 'nothing is mounted there' })
      await assert.rejects(unmount('/proc'), {
        code: 'EINVAL',
        cause: /type proc is mounted there, not FUSE/,
      })
      await assert.rejects(unmount(room.at('none')), { code: 'ENOENT' })
    })

    test('by a path with symlinks, and twice', async () => {
      const { device, server } = await mountHere()
      spawnSync('ln', ['-s', 'mnt', room.at('link')])
      await unmount(room.at('link'))
      await server.done
      await device.unmount()
      await device.unmount({ force: true })
      device.unmountSync()
    })

    test('a mount that was moved is found where it is now', async () => {
      mkdirSync(room.at('other'))
      await run('mount', ['--bind', room.dir, room.dir])
      await run('mount', ['--make-private', room.dir])
      const { device, server } = await mountHere()
      const moved = await run('mount', ['--move', room.at('mnt'), room.at('other')])
      assert.equal(moved.status, 0, moved.stderr)
      await device.unmount()
      await server.done
      await run('umount', [room.dir])
      await room.assertClean()
    })

    test('somebody else is mounted there now: left alone', async () => {
      const { device, server } = await mountHere()
      await unmount(room.at('mnt'))
      await server.done
      const next = await mountHere()
      // The kernel gives out the same numbers again.
      assert.equal(next.device.connectionId, device.connectionId)
      await device.unmount({ force: true })
      device.unmountSync()
      assert.equal(room.mounted().length, 1)
      await next.device.unmount()
      await next.server.done
    })
  })

  describe('dead and hung daemons', () => {
    /** A mount whose server was killed. */
    async function dead(): Promise<void> {
      const task = JSON.stringify({ dir: room.at('mnt'), after: 'stay' })
      const child = spawn(process.execPath, [program('child.js'), task], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      users.push(child)
      await new Promise((resolve) => child.stdout.once('data', resolve))
      await end(child)
    }

    test('a dead mount is stale, is refused as a mount point, and comes off', async () => {
      await dead()
      assert.equal(await isStale(room.at('mnt')), true)
      await assert.rejects(mountDevice(room.at('mnt')), {
        code: 'ENOTCONN',
        cure: `set replaceStale, or clear it: fusewire umount ${room.at('mnt')}`,
      })
      await unmount(room.at('mnt'))
      await room.assertClean()
    })

    test('replaceStale clears dead mounts, also several, also busy ones, and no other', async () => {
      await dead()
      // The second dead mount needs `stack`, because its mount point is dead.
      const second = await mountDevice(room.at('mnt'), { stack: true })
      addon.closeFd(second.fd)
      assert.equal(room.mounted().length, 2)
      const device = await mountDevice(room.at('mnt'), { replaceStale: true })
      const server = serve(device.fd)
      assert.equal(room.mounted().length, 1)
      await assert.rejects(mountDevice(room.at('mnt'), { replaceStale: true }), { code: 'EBUSY' })
      await device.unmount()
      await server.done
    })

    test('a mount point below a dead mount says so', async () => {
      await dead()
      await assert.rejects(mountDevice(room.at('mnt', 'below')), {
        code: 'ENOTCONN',
        cause: /whose daemon is dead/,
      })
      await unmount(room.at('mnt'))
    })

    test('a hung daemon is told from a dead one; the list and the unmount do not wait for it', async () => {
      const { device, server } = await mountHere(true)
      assert.equal(await mountState(room.at('mnt'), 100), 'hung')
      await assert.rejects(mountDevice(room.at('mnt'), { replaceStale: true }), {
        code: 'EBUSY',
        cure: /--force/,
      })
      assert.equal(
        (await listMounts()).find(({ mountpoint }) => mountpoint === room.at('mnt'))?.connectionId,
        device.connectionId,
      )
      await unmount(room.at('mnt'), { force: true })
      await server.done
      await room.assertClean()
    })

    test('an alive one is alive', async () => {
      const { device, server } = await mountHere()
      assert.equal(await mountState(room.at('mnt')), 'alive')
      assert.equal(await isStale(room.at('mnt')), false)
      await device.unmount()
      await server.done
    })
  })

  test('unmountSync while requests hang: the process ends and the mount is gone', async () => {
    const task = JSON.stringify({ dir: room.at('mnt'), after: 'unmountSync', dumb: true })
    const outcome = await run(process.execPath, [program('child.js'), task])
    assert.equal(outcome.status, 0, outcome.stderr)
    await room.assertClean()
  })

  describe('list', () => {
    test('source, type, options, connection, daemon; not touched, other types left out', async () => {
      const device = await mountDevice(room.at('mnt'), { fsname: 'a b', subtype: 'demo', readOnly: true })
      const server = serve(device.fd)
      await mountState(room.at('mnt'))
      const requests = server.seen.length
      const all = await listMounts()
      const [mine] = all.filter(({ mountpoint }) => mountpoint === room.at('mnt'))
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
      await device.unmount()
      await server.done
    })

    test('covered mounts are listed and marked', async () => {
      const { device, server } = await mountHere()
      const upper = await mountDevice(room.at('mnt'), { stack: true })
      const second = serve(upper.fd)
      const mine = (await listMounts()).filter(({ mountpoint }) => mountpoint === room.at('mnt'))
      assert.deepEqual(
        mine.map(({ connectionId, visible }) => [connectionId, visible]),
        [
          [device.connectionId, false],
          [upper.connectionId, true],
        ],
      )
      await upper.unmount()
      await second.done
      await device.unmount()
      await server.done
    })
  })

  describe('a descriptor handed in', () => {
    test('one that is mounted is served; unmounting works where the mount is visible', async () => {
      const first = await mountDevice(room.at('mnt'))
      const device = await mountDevice(`/dev/fd/${first.fd}`)
      assert.equal(device.method, 'fd')
      assert.equal(device.mountpoint, room.at('mnt'))
      assert.equal(device.connectionId, first.connectionId)
      const server = serve(device.fd)
      await device.unmount()
      await server.done
      await room.assertClean()
    })

    test('one that is mounted a little later', async () => {
      const calls = mountCalls()
      const fd = await calls.open('/dev/fuse', 2)
      const waiting = mountDevice(`/dev/fd/${fd}`)
      await sleep(50)
      const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
      assert.equal(await calls.mount('later', room.at('mnt'), 'fuse', 0, data), 0)
      const device = await waiting
      assert.equal(device.mountpoint, room.at('mnt'))
      const server = serve(device.fd)
      await device.unmount()
      await server.done
    })
  })

  describe('as a user', { skip: noHelper }, () => {
    test('holders of other users are counted, not named', async () => {
      mkdirSync(room.at('scratch'))
      spawnSync('chown', ['-R', '65534:65534', room.dir])
      // Root's shell sits in the user's mount (allow_other), where the user cannot see it.
      const task = { dir: room.at('mnt'), options: { allowOther: true }, after: 'stay' } as const
      const child: Child = startChild(room.at('scratch'), task, { conf: 'user_allow_other\n' })
      await child.report()
      const args = [
        '-t',
        String(child.pid),
        '-m',
        'sh',
        '-c',
        `cd ${room.at('mnt')}; echo ready; exec sleep 100`,
      ]
      const inside = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] })
      users.push(inside)
      await new Promise((resolve) => inside.stdout.once('data', resolve))
      const only = JSON.stringify({ dir: room.at('mnt'), only: 'unmount' })
      const { FUSEWIRE_ADDON: _, LD_PRELOAD: __, ...env } = process.env
      const outcome = await new Promise<string>((resolve) => {
        const ids = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
        const words = [
          '-t',
          String(child.pid),
          '-m',
          'setpriv',
          ...ids,
          '--',
          process.execPath,
          program('child.js'),
          only,
        ]
        const asker = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'], env })
        let out = ''
        asker.stdout.on('data', (chunk) => (out += String(chunk)))
        asker.once('close', () => resolve(out))
      })
      const report = JSON.parse(outcome) as { code: string; message: string; holders: number }
      assert.equal(report.code, 'EBUSY')
      assert.equal(report.holders, 0)
      assert.match(report.message, /one of \d+ processes that this user may not look into/)
      await end(inside)
      await child.kill()
    })
  })

  test('a detached mount: waits for its last user', async () => {
    const { device, server } = await mountHere()
    const inside = await user('cd "$1"; echo ready; exec sleep 100')
    await device.unmount({ force: true })
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(room.dir), false)
    await server.done
    await end(inside)
    await until(() => room.mounted().length === 0)
  })
})
