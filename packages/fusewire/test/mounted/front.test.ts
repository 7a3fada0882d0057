// mount() and Mount on the real kernel: options, what a Mount tells, its ways to end.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { FileSystem, MountError, memory, mount, type Options, tree } from '../../src/index.js'
import { run } from '../mount/support/room.js'
import { blocker, Program, roomFor, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }
const hello = (): FileSystem => tree({ hello: 'hello\n' })

async function refusal(promise: Promise<unknown>): Promise<MountError> {
  const error = await promise.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof MountError, String(error))
  return error
}

test('a Mount tells where and how it is mounted, and counts', options, async (t) => {
  const { out, mount: mounted, dir } = await served(t, hello())
  assert.equal(mounted.mountpoint, dir)
  assert.equal(mounted.method, 'fsmount')
  assert.deepEqual(mounted.refused, [])
  const line = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').find((one) => one.includes(dir))
  assert.equal(`0:${mounted.connectionId}`, line?.split(' ')[2])
  assert.equal(mounted.negotiated.major, 7)
  assert.ok(mounted.negotiated.features.has('MAX_PAGES'))
  assert.equal(await out(`cat $M/hello; cat $M/none 2> /dev/null || true`), 'hello\n')
  const stats = mounted.stats()
  assert.ok(stats.operations.LOOKUP!.count >= 2 && stats.operations.READ!.bytesOut > 0)
  assert.equal(stats.operations.LOOKUP!.errors, 1)
  assert.ok(stats.requests >= stats.operations.LOOKUP!.count + stats.operations.READ!.count)
  assert.deepEqual([stats.inFlight, stats.queued, stats.badReplies, stats.unknownErrors], [0, 0, 0, 0])
})

test('options that are unknown, of a wrong type or out of range mount nothing', options, async (t) => {
  const room = roomFor(t)
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ entryTimout: 1 }, /entryTimout.*entryTimeout/s],
    [{ allowother: true }, /allowOther/],
    [{ frobnicate: 1 }, /frobnicate/],
    [{ onlyUser: 5 }, /onlyUser/],
    [{ entryTimeout: '1' }, /entryTimeout.*seconds/s],
    [{ entryTimeout: -1 }, /entryTimeout/],
    [{ attrTimeout: Number.NaN }, /attrTimeout/],
    [{ maxWrite: 5000 }, /maxWrite.*4096/s],
    [{ maxWrite: 2 ** 30 }, /maxWrite/],
    [{ maxInFlight: 0 }, /maxInFlight/],
    [{ maxBackground: 1.5 }, /maxBackground/],
    [{ writebackCache: 'yes' }, /writebackCache/],
    [{ unmountAtExit: 1 }, /unmountAtExit/],
    [{ log: 'file' }, /log/],
    [{ debug: true }, /debug.*function/s],
    [{ readOnly: 'no' }, /readOnly/],
    [{ fsname: 5 }, /fsname/],
    [{ timeout: 0 }, /timeout/],
  ]
  for (const [bad, message] of cases) {
    const error = await refusal(mount(room.at('mnt'), hello(), bad as Options))
    assert.equal(error.code, 'EINVAL', JSON.stringify(bad))
    assert.match(error.message, message)
    assert.deepEqual(room.mounted(), [])
  }
})

test('what is no filesystem is refused before anything is mounted', options, async (t) => {
  const room = roomFor(t)
  for (const bad of [undefined, null, {}, 'x', () => hello(), { hello: 'x' }]) {
    const error = await refusal(mount(room.at('mnt'), bad as unknown as FileSystem))
    assert.match(error.message, /no filesystem/)
  }
  class Broken extends FileSystem {
    override init(): void {
      throw new Error('init is broken')
    }
  }
  const error = await refusal(mount(room.at('mnt'), new Broken(), { log: () => {} }))
  assert.equal(error.step, 'FUSE_INIT')
})

test('unmounting a busy mount names the holder; lazy detaches it', options, async (t) => {
  const { dir, mount: mounted, room } = await served(t, hello())
  const holder = new Program('bash', ['-c', 'exec 3< "$M/hello"; echo held; exec sleep 25'], { M: dir })
  await holder.says('held')
  const error = await refusal(mounted.unmount())
  assert.equal(error.code, 'EBUSY')
  assert.ok(
    error.holders.some(({ pid, kind }) => pid === holder.pid && kind === 'fd'),
    error.message,
  )
  assert.match(error.message, new RegExp(String(holder.pid)))
  assert.equal((await run('cat', [`${dir}/hello`])).stdout, 'hello\n')
  let closed = false
  void mounted.closed.then(() => (closed = true))
  await mounted.unmount({ lazy: true })
  assert.deepEqual(room.mounted(), [])
  assert.equal(closed, false)
  holder.kill('SIGKILL')
  await holder.ended
  await mounted.closed
})

test('force ends a busy mount', options, async (t) => {
  const { dir, mount: mounted, room } = await served(t, hello())
  const holder = new Program('bash', ['-c', 'exec 3< "$M/hello"; echo held; exec sleep 25'], { M: dir })
  await holder.says('held')
  await mounted.unmount({ force: true })
  await mounted.closed
  assert.deepEqual(room.mounted(), [])
  holder.kill('SIGKILL')
  await holder.ended
})

test('unmount twice, at the same time and later; closed stays resolved', options, async (t) => {
  const { mount: mounted } = await served(t, hello())
  await Promise.all([mounted.unmount(), mounted.unmount().catch(() => {})])
  await mounted.unmount()
  await mounted.closed
  await mounted.unmount({ force: true })
  assert.ok(mounted.stats().requests > 0)
})

test('closed resolves after umount(8) by somebody else', options, async (t) => {
  const { mount: mounted, out, room } = await served(t, hello())
  await out(`umount $M`)
  await mounted.closed
  assert.deepEqual(room.mounted(), [])
  await mounted.unmount()
})

test('await using unmounts, a busy mount too', options, async (t) => {
  const room = roomFor(t)
  let handle: FileHandle | undefined
  const dir = room.at('mnt')
  {
    await using mounted = await mount(dir, hello())
    assert.equal(await readFile(`${mounted.mountpoint}/hello`, 'utf8'), 'hello\n')
    handle = await open(`${dir}/hello`)
  }
  assert.deepEqual(room.mounted(), [])
  await handle.close().catch(() => {})
  assert.equal(existsSync(`${dir}/hello`), false)
})

test('a destroy that never settles does not keep unmount', options, async (t) => {
  class Stuck extends FileSystem {
    override destroy(): Promise<void> {
      return new Promise(() => {})
    }
  }
  const { mount: mounted, room } = await served(t, new Stuck())
  const error = await refusal(mounted.unmount({ timeout: 200 }))
  assert.equal(error.code, 'ETIMEDOUT')
  assert.match(error.message, /destroy/)
  assert.deepEqual(room.mounted(), [])
})

test('several mounts in one process, one inside the other', options, async (t) => {
  const room = roomFor(t)
  const dir = room.at('mnt')
  const outer = await mount(dir, memory())
  const inner: Awaited<ReturnType<typeof mount>>[] = []
  for (const name of ['a', 'b', 'c']) {
    assert.equal((await run('mkdir', [`${dir}/${name}`])).status, 0)
    inner.push(await mount(`${dir}/${name}`, tree({ name })))
  }
  const all = await run('sh', ['-c', `cat ${dir}/*/name; cp -r ${dir}/a ${dir}/b ${dir}/copy 2>&1; true`])
  assert.equal(all.stdout.slice(0, 3), 'abc')
  const error = await refusal(outer.unmount())
  assert.equal(error.code, 'EBUSY')
  for (const one of inner.reverse()) await one.unmount()
  await outer.unmount()
})

test('allowRoot lets in root and the owner only, allowOther all, neither nobody else', options, async (t) => {
  const other = (dir: string): ReturnType<typeof run> =>
    run('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', 'cat', `${dir}/hello`])
  for (const [how, allowed] of [
    [{ allowRoot: true }, false],
    [{ allowOther: true }, true],
    [{}, false],
  ] as const) {
    await t.test(JSON.stringify(how), async (t) => {
      const { dir, out, room } = await served(t, hello(), how)
      await run('chmod', ['755', room.dir])
      assert.equal(await out(`cat $M/hello`), 'hello\n')
      const seen = await other(dir)
      assert.equal(seen.stdout, allowed ? 'hello\n' : '')
      if (!allowed) assert.match(seen.stderr, /Permission denied/)
    })
  }
})

test('debug gets a line for each request and reply', options, async (t) => {
  const lines: string[] = []
  const { out } = await served(t, hello(), { debug: (line) => lines.push(line) })
  await out(`cat $M/hello; cat $M/none || true`)
  assert.ok(lines.some((line) => /INIT/.test(line)))
  assert.ok(lines.some((line) => /LOOKUP.*hello/.test(line)))
  assert.ok(lines.some((line) => /ENOENT/.test(line)))
  assert.ok(lines.every((line) => !line.includes('\n')))
})

test('a descriptor that somebody else mounts', options, async (t) => {
  const room = roomFor(t)
  const { openSync } = await import('node:fs')
  const fd = openSync('/dev/fuse', 'r+')
  const data = `fd=${fd},rootmode=40000,user_id=0,group_id=0`
  const { spawn } = await import('node:child_process')
  const stdio: ('ignore' | number)[] = ['ignore', 'ignore', 'ignore']
  while (stdio.length < fd) stdio.push('ignore')
  stdio.push(fd)
  const child = spawn('mount', ['-i', '-t', 'fuse', '-o', data, 'x', room.at('mnt')], { stdio })
  const status = await new Promise((resolve) => child.once('exit', resolve))
  assert.equal(status, 0)
  const mounted = await mount(`/dev/fd/${fd}`, hello())
  assert.equal(mounted.method, 'fd')
  assert.equal((await run('cat', [`${room.at('mnt')}/hello`])).stdout, 'hello\n')
  await mounted.unmount()
  await until(() => room.mounted().length === 0, 'the end of the mount')
})
