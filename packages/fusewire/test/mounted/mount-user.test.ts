// Mounting as an ordinary user, each case in a mount namespace of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, readFileSync } from 'node:fs'
import { after, afterEach, beforeEach, describe, test } from 'node:test'
import { listMounts, mountDevice } from '../../src/mount/index.js'
import type { Report, Task } from '../mount/support/child.js'
import { type Surroundings, startChild, USER } from '../mount/support/namespace.js'
import { noHelper, noUser, program, Room, run } from '../mount/support/room.js'
import { serve } from '../mount/support/server.js'

describe('mount as a user', { skip: noHelper, timeout: 300_000 }, () => {
  let room: Room
  beforeEach(() => {
    room = new Room()
    mkdirSync(room.at('scratch'))
    // Readable from the way down, but only this folder is the user's.
    spawnOpen(room)
  })
  afterEach(() => room.remove())

  function spawnOpen(where: Room): void {
    chownSync(where.dir, USER, USER)
    mkdirSync(where.at('mnt'))
    chownSync(where.at('mnt'), USER, USER)
  }

  /** Words that make the child's status 9 when its mount is still there at its end: the end of the namespace hides that. */
  function cleanAfter(): string[] {
    return ['sh', '-c', `"$@"; ! grep -q ${room.at('mnt')} /proc/self/mountinfo || exit 9`, 'sh']
  }

  async function outcome(task: Partial<Task> = {}, around: Surroundings = {}): Promise<Report> {
    const child = startChild(room.at('scratch'), { dir: room.at('mnt'), ...task }, around)
    const report = await child.report()
    assert.equal(await child.end(), 0)
    await room.assertClean()
    return report
  }

  test('by fusermount3, after the ways of root were refused', async () => {
    const report = await outcome()
    assert.equal(report.message, undefined)
    assert.equal(report.method, 'fusermount3')
    assert.deepEqual(report.refused, ['fsmount fsopen EPERM', 'mount mount EPERM'])
  })

  test('names with commas, blanks and backslashes; lazy, forced, and at exit', async () => {
    const options = { fsname: 'a b,x-c\\d', subtype: 'x,y' }
    for (const after of ['unmount', 'lazy', 'force', 'unmountSync'] as const) {
      assert.equal((await outcome({ options, after }, { wrap: cleanAfter() })).method, 'fusermount3')
    }
  })

  const old = noHelper || helperBefore315()
  for (const [who, ids, skip] of [
    ['a user', undefined, old],
    ['root', [], noHelper],
  ] as const) {
    test(`autoUnmount clears the mount of ${who} after SIGKILL of the server`, { skip }, async () => {
      // Somebody who stays in the namespace, so that its table can be read when the server is gone.
      const before = `sleep 60 < /dev/null > /dev/null 2>&1 & echo $! > ${room.at('pid')}`
      const task = { dir: room.at('mnt'), options: { autoUnmount: true }, after: 'stay' } as const
      const child = startChild(room.at('scratch'), task, ids ? { before, ids } : { before })
      const report = await child.report()
      assert.equal(report.method, 'fusermount3')
      const witness = Number(readFileSync(room.at('pid'), 'utf8'))
      const mounted = () => readFileSync(`/proc/${witness}/mountinfo`, 'utf8').includes(room.at('mnt'))
      assert.ok(mounted())
      await child.kill()
      for (let i = 0; i < 500 && mounted(); i++) await new Promise((resolve) => setTimeout(resolve, 10))
      const left = mounted()
      process.kill(witness, 'SIGKILL')
      assert.equal(left, false)
    })
  }

  test('allow_other needs user_allow_other in fuse.conf', async () => {
    const refused = await outcome({ options: { allowOther: true } })
    assert.equal(refused.code, 'EPERM')
    assert.match(
      refused.message ?? '',
      /option allow_other only allowed if 'user_allow_other' is set.*root must put the line/,
    )
    assert.deepEqual(refused.tried?.at(-1), 'fusermount3 fusermount3 EPERM')
    const allowed = await outcome({ options: { allowOther: true } }, { conf: 'user_allow_other\n' })
    assert.equal(allowed.method, 'fusermount3')
  })

  test('a mount point of another user, a sticky one, one of a filesystem that is not allowed', async () => {
    mkdirSync(room.at('roots'))
    const foreign = await outcome({ dir: room.at('roots') })
    assert.equal(foreign.code, 'EACCES')
    assert.match(
      foreign.message ?? '',
      /user has no write access to mountpoint.*choose a mount point that you may write to/,
    )
    mkdirSync(room.at('sticky'))
    const sticky = await outcome({ dir: room.at('sticky') }, { before: `chmod 1777 ${room.at('sticky')}` })
    assert.match(sticky.message ?? '', /not owned by user.*this directory is sticky/)
    const forbidden = await outcome({ dir: '/proc/self' })
    assert.ok(forbidden.code === 'EPERM' || forbidden.code === 'EACCES', forbidden.message)
  })

  test('a mount point that may not be searched', async () => {
    mkdirSync(room.at('closed', 'mnt'), { recursive: true, mode: 0o700 })
    const report = await outcome({ dir: room.at('closed', 'mnt') })
    assert.equal(report.code, 'EACCES')
    assert.match(report.message ?? '', /may not be searched by this user/)
  })

  test('a limit of mounts', async () => {
    const report = await outcome({}, { conf: 'mount_max = 0\n' })
    assert.equal(report.code, 'EUSERS')
    assert.match(report.message ?? '', /too many FUSE filesystems mounted.*mount_max/)
  })

  test('no /dev/fuse, and one that the user may not open', async () => {
    const none = await outcome({}, { device: 'none' })
    assert.equal(none.code, 'ENOENT')
    assert.match(none.message ?? '', /there is no \/dev\/fuse.*modprobe fuse/)
    const closed = await outcome({}, { device: '600' })
    assert.equal(closed.code, 'EACCES')
    assert.match(closed.message ?? '', /\/dev\/fuse may not be opened by this user/)
  })

  test('no fusermount3', async () => {
    const hide =
      'for f in $(command -v -a fusermount3 2>/dev/null || which -a fusermount3); do f=$(readlink -f $f); mount --bind /dev/null $f; done'
    const report = await outcome({}, { before: hide })
    assert.equal(report.code, 'ENOENT')
    assert.match(report.message ?? '', /needs fusermount3, and it is not installed.*apt-get install fuse3/)
  })

  test('the causes of "mount failed: Operation not permitted" are told apart', async () => {
    const nnp = await outcome({}, { wrap: ['setpriv', '--no-new-privs'] })
    assert.match(nnp.message ?? '', /runs with no_new_privs/)
    const nosuid = await outcome(
      {},
      { before: 'mount --bind /usr/bin /usr/bin; mount -o remount,bind,nosuid /usr/bin' },
    )
    assert.match(nosuid.message ?? '', /lies on a mount with nosuid/)
    const copy = `cp /usr/bin/fusermount3 ${room.at('scratch')}/plain; chmod 755 ${room.at('scratch')}/plain; mount --bind ${room.at('scratch')}/plain /usr/bin/fusermount3`
    const plain = await outcome({}, { before: copy })
    assert.match(plain.message ?? '', /has lost its set-user-id bit/)
    const container = await outcome({}, { wrap: ['setpriv', '--bounding-set', '-sys_admin'], ids: [] })
    assert.match(container.message ?? '', /CAP_SYS_ADMIN/)
    for (const { code } of [nnp, nosuid, plain, container]) assert.equal(code, 'EPERM')
  })

  test("root's mount cannot be unmounted by a user, and the error says so", async () => {
    const task = JSON.stringify({ dir: room.at('mnt'), after: 'stay' })
    const roots = `'${process.execPath}' '${program('child.js')}' '${task}' > ${room.at('log')} 2>&1 < /dev/null & echo $! > ${room.at('pid')}`
    const before = `rm -f ${room.at('log')}; ${roots}; until grep -q method ${room.at('log')}; do sleep 0.1; done`
    for (const only of ['unmount', 'lazy', 'force'] as const) {
      const report = await outcome({ only }, { before })
      process.kill(Number(readFileSync(room.at('pid'), 'utf8')), 'SIGKILL')
      assert.equal(report.code, 'ENOENT')
      assert.match(report.message ?? '', /was not mounted by this user/)
    }
  })

  test('a filesystem of another type is not unmounted', async () => {
    const report = await outcome({ only: 'unmount' }, { before: `mount -t tmpfs tmpfs ${room.at('mnt')}` })
    assert.match(report.message ?? '', /of type tmpfs is mounted there, not FUSE/)
  })

  test('EMFILE at any descriptor: an error or a mount, and nothing behind', async () => {
    let mounted = 0
    for (let free = 0; free <= 12; free++) {
      const report = await outcome({ free }, { wrap: [...cleanAfter(), 'prlimit', '--nofile=64'] })
      if (report.method) mounted++
      else assert.equal(report.code, 'EMFILE', report.message)
    }
    assert.ok(mounted > 0 && mounted < 13, `${mounted} of 13 mounts worked`)
  })

  test('root of a user namespace mounts by itself', async () => {
    const own = ['unshare', '-Urm']
    const report = await outcome({}, { wrap: own })
    assert.equal(report.method, 'fsmount', report.message)
    const half = await outcome({}, { wrap: ['unshare', '-Ur'] })
    assert.equal(half.code, 'EPERM')
    assert.match(half.message ?? '', /user namespace/)
  })
})

describe('mount as the user who runs the tests', { skip: noUser, timeout: 60_000 }, () => {
  const room = new Room()
  after(() => room.remove())

  test('mounted, served, listed, unmounted', async () => {
    mkdirSync(room.at('mnt'))
    const device = await mountDevice(room.at('mnt'), { fsname: 'a,b c', subtype: 'mine' })
    const server = serve(device.fd)
    assert.equal(device.method, 'fusermount3')
    const mine = (await listMounts()).find(({ mountpoint }) => mountpoint === room.at('mnt'))
    assert.equal(mine?.source, 'a,b c')
    assert.equal(mine.uid, process.getuid?.())
    assert.equal((await run('stat', ['-c', '%i', room.at('mnt')])).stdout, '1\n')
    await device.unmount()
    await server.done
    await room.assertClean()
  })
})

/** libfuse 3.14 looks at the dead mount as root, who may not enter it, and leaves it. */
function helperBefore315(): string | false {
  const version = /(\d+)\.(\d+)/.exec(spawnSync('fusermount3', ['-V'], { encoding: 'utf8' }).stdout ?? '')
  const [major, minor] = [Number(version?.[1]), Number(version?.[2])]
  return major > 3 || minor >= 15 ? false : `fusermount3 ${major}.${minor} does not clear mounts of users`
}
