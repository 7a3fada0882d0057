// Mount points, devices and options that cannot work: one exact error each, and nothing left behind.
import assert from 'node:assert/strict'
import { mkdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { MountError, type MountOptions, mountDevice } from '../../src/mount/index.js'
import { type MountCalls, mountCalls } from '../../src/native/mount.js'
import { cannotMount, noHelper, noPython, program, Room, run } from '../mount/support/room.js'
import { serve } from '../mount/support/server.js'

/** Without a preloaded sanitizer, which makes Python take seconds to start. */
const PYTHON = '#!/usr/bin/env -S -u LD_PRELOAD python3'

describe('what cannot be mounted', { skip: cannotMount, timeout: 300_000 }, () => {
  let room: Room
  beforeEach(() => {
    room = new Room()
    mkdirSync(room.at('mnt'))
  })
  afterEach(() => room.remove())

  /** Tries to mount and returns the error; then nothing may be left. */
  async function refused(at: string, options: MountOptions = {}, calls?: MountCalls): Promise<MountError> {
    const error = await mountDevice(at, options, calls).then(
      () => assert.fail('it was mounted'),
      (reason: unknown) => reason,
    )
    assert.ok(error instanceof MountError, String(error))
    assert.ok(error.cause !== '' && error.cure !== '')
    assert.equal(error.message.includes(error.cause) && error.message.includes(error.cure), true)
    assert.ok(!error.message.includes('\n'), 'one line')
    await room.assertClean()
    return error
  }

  describe('mount points', () => {
    test('missing', async () => {
      const error = await refused(room.at('none'))
      assert.equal(error.code, 'ENOENT')
      assert.equal(
        error.message,
        `cannot mount on ${room.at('none')}: the mount point does not exist (ENOENT at lstat); create it first: mkdir -p ${room.at('none')}`,
      )
    })

    test('a file where a directory is wanted, and the other way round', async () => {
      writeFileSync(room.at('file'), '')
      const file = await refused(room.at('file'))
      assert.equal(file.code, 'ENOTDIR')
      assert.match(
        file.message,
        /the mount point is a file and the filesystem's root is a directory.*rootType to 'file'/,
      )
      const directory = await refused(room.at('mnt'), { rootType: 'file' })
      assert.equal(directory.code, 'ENOTDIR')
      assert.match(directory.message, /give a regular file/)
    })

    test('a device node', async () => {
      assert.match((await refused('/dev/null')).message, /the mount point is a special file.*ENOTDIR/)
    })

    test('below a file', async () => {
      writeFileSync(room.at('file'), '')
      assert.match(
        (await refused(room.at('file', 'deep'))).message,
        /a part of the path is not a directory \(ENOTDIR/,
      )
    })

    test('a symlink loop, a name too long, an empty path', async () => {
      symlinkSync('loop', room.at('loop'))
      assert.equal((await refused(room.at('loop'))).code, 'ELOOP')
      assert.equal((await refused(room.at('x'.repeat(256)))).code, 'ENAMETOOLONG')
      assert.equal((await refused('')).code, 'ENOENT')
    })

    test('relative to a working directory that was removed', async () => {
      const before = process.cwd()
      mkdirSync(room.at('gone'))
      process.chdir(room.at('gone'))
      try {
        rmdirSync(room.at('gone'))
        assert.match((await refused('mnt')).message, /the working directory was removed \(ENOENT at getcwd\)/)
      } finally {
        process.chdir(before)
      }
    })

    test('without /proc', async () => {
      const script = `umount -l /proc; exec "$0" "$1" '${JSON.stringify({ dir: room.at('mnt') })}'`
      const { stdout } = await run('unshare', [
        '-m',
        'sh',
        '-c',
        script,
        process.execPath,
        program('child.js'),
      ])
      assert.match(stdout, /the table of mounts cannot be read \(ENOENT at read .*mount proc on \/proc/)
    })

    test('a mount of another type, and a FUSE mount', async () => {
      const error = await refused('/proc')
      assert.equal(error.code, 'EBUSY')
      assert.match(
        error.message,
        /a filesystem of type proc is mounted there already.*umount \/proc.*set stack/,
      )
      const device = await mountDevice(room.at('mnt'))
      const server = serve(device.fd)
      const again = await mountDevice(room.at('mnt')).catch((reason: unknown) => reason)
      assert.ok(again instanceof MountError)
      assert.equal(again.code, 'EBUSY')
      assert.match(again.message, /type fuse is mounted there already.*fusewire umount/)
      await device.unmount()
      await server.done
    })

    for (const method of ['fsmount', 'mount'] as const) {
      test(`removed while it is being mounted by ${method}`, async () => {
        const calls = mountCalls()
        const step = method === 'fsmount' ? 'moveMount' : 'mount'
        const removing = (...args: never[]) => {
          rmdirSync(room.at('mnt'))
          return (calls[step] as (...args: never[]) => Promise<number>)(...args)
        }
        const error = await refused(room.at('mnt'), { method }, { ...calls, [step]: removing })
        assert.equal(error.code, 'ENOENT')
        assert.match(error.message, /the mount point was removed meanwhile/)
      })
    }
  })

  describe('devices', () => {
    test('missing', async () => {
      const error = await refused(room.at('mnt'), { device: room.at('fuse') })
      assert.equal(error.code, 'ENOENT')
      assert.equal(error.step, 'open')
      assert.match(error.message, /there is no .*modprobe fuse.*--device \/dev\/fuse/)
      assert.equal(error.tried.length, 1)
    })

    test('a file that is no FUSE device: the kernel refuses it by every way', async () => {
      writeFileSync(room.at('plain'), '')
      const error = await refused(room.at('mnt'), { device: room.at('plain') })
      assert.equal(error.code, 'EINVAL')
      assert.deepEqual(
        error.tried.map(({ method, code }) => [method, code]),
        [
          ['fsmount', 'EINVAL'],
          ['mount', 'EINVAL'],
        ],
      )
    })

    test('the helper opens /dev/fuse and nothing else', { skip: noHelper }, async () => {
      const error = await refused(room.at('mnt'), { method: 'fusermount3', device: '/dev/null' })
      assert.match(error.message, /it opens \/dev\/fuse itself, not \/dev\/null/)
    })

    test('/dev/fd/N: not open, not the device, not mounted in time', async () => {
      assert.match((await refused('/dev/fd/999')).message, /descriptor 999 is not open/)
      assert.match((await refused('/dev/fd/2')).message, /descriptor 2 is not the FUSE device/)
      const calls = mountCalls()
      const fd = await calls.open('/dev/fuse', 2)
      const error = await mountDevice(`/dev/fd/${fd}`, { timeout: 50 }).catch((reason: unknown) => reason)
      assert.ok(error instanceof MountError)
      assert.match(error.message, /nobody has mounted it in time.*ENOTCONN/)
      await calls.close(fd)
      await room.assertClean()
    })
  })

  describe('a failure at each step', () => {
    const STEPS = [
      ['fsmount', 'realpath', 'realpath'],
      ['fsmount', 'lstat', 'lstat'],
      ['fsmount', 'open', 'open mount point'],
      ['fsmount', 'fsopen', 'fsopen'],
      ['fsmount', 'fsconfig', 'fsconfig source'],
      ['fsmount', 'fsmount', 'fsmount'],
      ['fsmount', 'moveMount', 'move_mount'],
      ['mount', 'mount', 'mount'],
      ['fusermount3', 'access', 'find fusermount3'],
      ['fusermount3', 'socketPair', 'socketpair'],
    ] as const
    for (const [method, call, step] of STEPS) {
      test(`${method}: ${call} fails`, async () => {
        const failing = call === 'socketPair' ? () => -5 : async () => -5
        const error = await refused(room.at('mnt'), { method }, { ...mountCalls(), [call]: failing })
        assert.equal(error.step, step)
        assert.equal(error.code, call === 'access' ? 'ENOENT' : 'EIO')
      })

      // The last call of a way has to end some time: until then its device stays open, see the late ones below.
      if (call !== 'socketPair' && call !== 'moveMount' && call !== 'mount') {
        test(`${method}: ${call} never comes back`, async () => {
          const hanging = () => new Promise<never>(() => {})
          const options = { method, timeout: call === 'access' ? 1500 : 100 }
          const error = await refused(room.at('mnt'), options, { ...mountCalls(), [call]: hanging })
          assert.equal(error.code, call === 'access' ? 'ENOENT' : 'ETIMEDOUT')
        })
      }
    }

    const LATE = [
      ['fsmount', 'fsopen'],
      ['fsmount', 'fsmount'],
      ['fsmount', 'moveMount'],
      ['mount', 'mount'],
      ['mount', 'open'],
    ] as const
    for (const [method, call] of LATE) {
      test(`${method}: ${call} succeeds after the deadline, and is undone`, async () => {
        const calls = mountCalls()
        let finished: Promise<number> | undefined
        const late = (...args: never[]) => {
          finished = new Promise((resolve) => setTimeout(resolve, 150)).then(() =>
            (calls[call] as (...args: never[]) => Promise<number>)(...args),
          )
          return finished
        }
        const failed = mountDevice(room.at('mnt'), { method, timeout: 50 }, { ...calls, [call]: late })
        await assert.rejects(failed, { code: 'ETIMEDOUT' })
        await finished
        for (let i = 0; i < 100 && room.mounted().length > 0; i++)
          await new Promise((resolve) => setTimeout(resolve, 10))
        await room.assertClean()
      })
    }

    test('each option that fsconfig sets', async () => {
      for (const key of [
        'subtype',
        'source',
        'ro',
        'fd',
        'rootmode',
        'user_id',
        'group_id',
        'allow_other',
        'max_read',
        null,
      ]) {
        const calls = mountCalls()
        const fsconfig: MountCalls['fsconfig'] = async (context, command, name, value) =>
          name === key ? -22 : calls.fsconfig(context, command, name, value)
        const options = {
          method: 'fsmount',
          subtype: 's',
          readOnly: true,
          allowOther: true,
          maxRead: 8192,
        } as const
        const error = await refused(room.at('mnt'), options, { ...calls, fsconfig })
        assert.equal(error.step, key === null ? 'fsconfig create' : `fsconfig ${key}`)
      }
    })

    test("the kernel's words are in the error", async () => {
      const calls = mountCalls()
      const fsconfig: MountCalls['fsconfig'] = (context, command, name, value) =>
        calls.fsconfig(context, command, name === 'source' ? 'bogus' : name, value)
      const error = await refused(room.at('mnt'), { method: 'fsmount' }, { ...calls, fsconfig })
      assert.deepEqual(error.log, ["fuse: Unknown parameter 'bogus'"])
      assert.match(error.message, /the kernel refused an option: fuse: Unknown parameter 'bogus'/)
    })

    test('a privilege that is lacking leads from way to way; the error has all of them', {
      skip: noHelper,
    }, async () => {
      const refusing = async () => -1
      const calls = { ...mountCalls(), fsopen: refusing, mount: refusing }
      const device = await mountDevice(room.at('mnt'), {}, calls)
      const server = serve(device.fd)
      assert.equal(device.method, 'fusermount3')
      assert.deepEqual(
        device.refused.map(({ method, step, code }) => `${method} ${step} ${code}`),
        ['fsmount fsopen EPERM', 'mount mount EPERM'],
      )
      await device.unmount()
      await server.done
      const error = await refused(room.at('mnt'), { helper: '/nowhere/fusermount3' }, calls)
      assert.equal(error.tried.length, 3)
      assert.match(error.message, /\/nowhere\/fusermount3 cannot be run/)
    })

    test('ENOSYS (an old kernel, a seccomp filter) leads to mount(2)', async () => {
      const device = await mountDevice(room.at('mnt'), {}, { ...mountCalls(), fsopen: async () => -38 })
      const server = serve(device.fd)
      assert.equal(device.method, 'mount')
      await device.unmount()
      await server.done
    })

    test('an fsname beyond the 255 bytes of fsconfig goes by mount(2)', async () => {
      const device = await mountDevice(room.at('mnt'), { fsname: 'x'.repeat(3000) })
      const server = serve(device.fd)
      assert.equal(device.method, 'mount')
      assert.equal(device.refused[0]?.step, 'fsconfig source')
      await device.unmount()
      await server.done
    })
  })

  describe('fake helpers', () => {
    const helper = (script: string) => {
      const path = room.at('fusermount3')
      writeFileSync(path, script, { mode: 0o755 })
      return path
    }
    const byHelper = (script: string, timeout = 30_000) =>
      refused(room.at('mnt'), { method: 'fusermount3', helper: helper(script), timeout })

    test('exits with words', async () => {
      const error = await byHelper(
        '#!/bin/sh\necho "$0: option allow_other only allowed if user_allow_other" >&2\nexit 1\n',
      )
      assert.equal(error.code, 'EPERM')
      assert.deepEqual(error.log, ['option allow_other only allowed if user_allow_other'])
      assert.match(error.message, /fuse.conf/)
    })

    test('exits without a word, with success but without a descriptor, by a signal', async () => {
      assert.match((await byHelper('#!/bin/sh\nexit 1\n')).message, /exited with status 1 and said nothing/)
      assert.match((await byHelper('#!/bin/sh\nexit 0\n')).message, /exited with status 0 and said nothing/)
      assert.match((await byHelper('#!/bin/sh\nkill -9 $$\n')).message, /was ended by SIGKILL/)
    })

    test('hangs with the socket open, and with it closed', async () => {
      assert.equal((await byHelper('#!/bin/sh\nexec sleep 60\n', 200)).code, 'ETIMEDOUT')
      assert.equal((await byHelper('#!/bin/sh\nexec sleep 60 3<&-\n', 200)).code, 'ETIMEDOUT')
    })

    test('writes without end', async () => {
      const error = await byHelper('#!/bin/sh\nyes nonsense >&2\n', 300)
      assert.equal(error.code, 'ETIMEDOUT')
      assert.ok(error.message.length < 1000)
    })

    test('cannot be started', async () => {
      const error = await byHelper('#!/nowhere/sh\n')
      assert.match(error.message, /fusermount3 cannot be started \(ENOENT at spawn\)/)
    })

    const send = (fds: string) =>
      `${PYTHON}\nimport os, socket, sys\ns = socket.socket(fileno=int(os.environ['_FUSE_COMMFD']))\n` +
      `d = [os.open('/dev/fuse', os.O_RDWR) for _ in range(9)]\n${fds}\n`

    for (const [what, line] of [
      ['no descriptor', "s.send(b'\\0')"],
      ['two descriptors', "socket.send_fds(s, [b'\\0'], d[:2])"],
      ['nine descriptors', "socket.send_fds(s, [b'\\0'], d)"],
    ] as const) {
      test(`sends ${what}`, { skip: noPython }, async () => {
        const error = await byHelper(send(line))
        assert.equal(error.code, 'EBADMSG')
        assert.match(error.message, /without exactly one descriptor/)
      })
    }

    test('sends a descriptor that nobody mounted', { skip: noPython }, async () => {
      assert.equal((await byHelper(send("socket.send_fds(s, [b'\\0'], d[:1])"))).step, 'mountinfo')
    })

    test('mounts and sends, then fails: the mount is taken off', { skip: noPython || noHelper }, async () => {
      const error = await byHelper('#!/bin/sh\nfusermount3 "$@"\necho "sorry" >&2\nexit 3\n')
      assert.match(error.message, /sorry/)
    })

    test('mounts and loses the descriptor: the mount is taken off', {
      skip: noPython || noHelper,
    }, async () => {
      const script = `${PYTHON}
import os, socket, subprocess, sys
if '-u' in sys.argv: os.execvp('fusermount3', sys.argv)
a, b = socket.socketpair()
os.set_inheritable(b.fileno(), True)
subprocess.run(['fusermount3'] + sys.argv[1:], env={**os.environ, '_FUSE_COMMFD': str(b.fileno())}, close_fds=False)
sys.exit(1)
`
      assert.match((await byHelper(script)).message, /exited with status 1/)
    })
  })

  test('autoUnmount without fusermount3 is refused before anything is mounted', async () => {
    const error = await refused(room.at('mnt'), { autoUnmount: true, helper: '/nowhere/fusermount3' })
    assert.equal(error.step, 'find fusermount3')
  })
})
