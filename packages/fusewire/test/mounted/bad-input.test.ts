// What can be wrong with a mount point, a filesystem's answers, and the process: an error each time, and nothing left.
import assert from 'node:assert/strict'
import { chmodSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  type AttrOut,
  type DataOut,
  type DirOut,
  type EntryOut,
  FileSystem,
  type MountError,
  mount,
  type OpenOut,
  type Request,
  tree,
} from '../../src/index.js'
import { run } from '../mount/support/room.js'
import { blocker, moduleIn, Program, roomFor, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }
const hello = (): FileSystem => tree({ hello: 'hello\n' })

test('mount points that cannot be', options, async (t) => {
  const room = roomFor(t)
  writeFileSync(room.at('file'), 'x')
  symlinkSync('loop', room.at('loop'))
  const cases: [string, string][] = [
    [room.at('missing'), 'ENOENT'],
    [room.at('file'), 'ENOTDIR'],
    [room.at('file', 'below'), 'ENOTDIR'],
    [room.at('loop'), 'ELOOP'],
    [room.at('x'.repeat(300)), 'ENAMETOOLONG'],
    ['', 'ENOENT'],
    [`${room.dir}/nul\0`, 'EINVAL'],
  ]
  for (const [dir, code] of cases) {
    await assert.rejects(mount(dir, hello()), (error: MountError) => {
      assert.equal(error.code, code, `${dir}: ${error.message}`)
      assert.ok(error.cause !== '' && error.cure !== '')
      return true
    })
  }
  await assert.rejects(mount(5 as unknown as string, hello()))
})

test('a mount point that is not empty is covered, and comes back', options, async (t) => {
  const room = roomFor(t)
  writeFileSync(room.at('mnt', 'below'), 'below\n')
  const mounted = await mount(room.at('mnt'), hello())
  assert.equal((await run('ls', [room.at('mnt')])).stdout, 'hello\n')
  await mounted.unmount()
  assert.equal((await run('ls', [room.at('mnt')])).stdout, 'below\n')
})

test('a mount point that is a mount already', options, async (t) => {
  const { room, dir } = await served(t, hello())
  const second = await mount(dir, tree({ second: '2' })).catch((error: MountError) => error)
  if (second instanceof Error) assert.match(second.message, /mounted/)
  else {
    assert.equal((await run('ls', [dir])).stdout, 'second\n')
    await second.unmount()
    assert.equal((await run('ls', [dir])).stdout, 'hello\n')
  }
  assert.equal(room.mounted().length, 1)
})

test('a mount point that is removed while it is mounted', options, async (t) => {
  const { room, dir, mount: mounted } = await served(t, hello())
  assert.throws(() => rmdirSync(dir), { code: 'EBUSY' })
  // Another mount namespace may remove it; the kernel then takes the mount off.
  const removed = await run('unshare', ['-m', 'sh', '-c', `umount ${dir} && rmdir ${dir}`])
  assert.equal(removed.status, 0, removed.stderr)
  await mounted.closed
  assert.deepEqual(room.mounted(), [])
  await mounted.unmount()
})

test('without permission, without a device, without fusermount3', options, async (t) => {
  const room = roomFor(t)
  chmodSync(room.dir, 0o755)
  const path = moduleIn(
    room,
    `try { const m = await fw.mount(dir, fw.tree({}), { timeout: 5000 }); await m.unmount(); console.log('mounted') }
catch (error) { console.log(error.name, error.code, error.cure === '' ? 'no cure' : 'cure') }`,
  )
  const user = 'setpriv --reuid 65534 --regid 65534 --clear-groups --'
  const cases: [string, string, string][] = [
    ['true', '', 'mounted\n'],
    ['mount -t tmpfs none /dev', '', 'MountError ENOENT cure\n'],
    // Root needs no helper, a user does.
    ['export PATH=/nowhere', '', 'mounted\n'],
    ['true', user, 'MountError EACCES cure\n'],
  ]
  for (const [prepare, as, expected] of cases) {
    const line = `${prepare}; exec ${as} "$NODE" ${path}`
    const done = await run('unshare', ['-m', 'bash', '-c', line], { NODE: process.execPath })
    assert.equal(done.stdout, expected, `${line}\n${done.stderr}`)
  }
})

/** Answers of one file `f` that a test makes wrong. */
class Wrong extends FileSystem {
  wrong = ''
  override lookup(_req: Request, _parent: number, name: string, out: EntryOut): number {
    if (!name.startsWith('f')) return -2
    out.nodeId = this.wrong === 'node 0' ? 0 : this.wrong === 'node 1' ? 1 : 2
    out.attr.mode = this.wrong === 'mode' ? 0o777 : 0o100644
    out.attr.size = this.wrong === 'size' ? -1 : 10
    out.attrTimeout = 0
    out.entryTimeout = 0
    if (this.wrong === 'result') return 5
    if (this.wrong === 'errno') return -10_000
    return 0
  }
  override getattr(_req: Request, node: number, _handle: number | undefined, out: AttrOut): number {
    out.attr.mode = node === 1 ? 0o040755 : 0o100644
    out.attr.size = 10
    return 0
  }
  override open(_req: Request, _node: number, _flags: number, out: OpenOut): number {
    out.flags = 1
    return 0
  }
  override read(
    _req: Request,
    _node: number,
    _handle: number,
    offset: number,
    size: number,
    out: DataOut,
  ): number {
    if (this.wrong === 'data') out.copy(new Uint8Array(size + 1))
    else if (this.wrong === 'reference') out.reference(new Uint8Array(size + 4096))
    else if (offset === 0) out.text('0123456789')
    return 0
  }
  override opendir(): number {
    return 0
  }
  override readdir(_req: Request, _node: number, _handle: number, offset: number, out: DirOut): number {
    if (offset > 0) return 0
    if (this.wrong === 'slash') out.add('a/b', 2, 8, 1)
    else if (this.wrong === 'empty') out.add('', 2, 8, 1)
    else if (this.wrong === 'long') out.add('x'.repeat(5000), 2, 8, 1)
    else out.add('f', 2, 8, 1)
    return 0
  }
}

test('answers that are wrong cost one request, and the mount goes on', options, async (t) => {
  const fs = new Wrong()
  const { sh, log } = await served(t, fs)
  const cases: [string, string][] = [
    ['node 0', 'stat $M/f'],
    ['node 1', 'stat $M/f'],
    ['mode', 'stat $M/f'],
    ['size', 'stat $M/f'],
    ['result', 'stat $M/f'],
    ['errno', 'stat $M/f'],
    ['data', 'cat $M/f'],
    ['reference', 'cat $M/f'],
    ['slash', 'ls $M'],
    ['empty', 'ls $M'],
    ['long', 'ls $M'],
  ]
  for (const [wrong, command] of cases) {
    fs.wrong = wrong
    const failed = await sh(command)
    assert.match(
      failed.stderr,
      /Input\/output error|Invalid argument|File name too long/,
      `${wrong}: ${failed.stdout}`,
    )
    fs.wrong = ''
    assert.deepEqual(await sh('cat $M/f; ls $M'), { status: 0, stdout: '0123456789f\n', stderr: '' }, wrong)
  }
  assert.ok(log.length >= 8, log.join('\n'))
})

test('what is answered after the unmount is dropped', options, async (t) => {
  const late: ((value: number) => void)[] = []
  class Late extends Wrong {
    override lookup(): never {
      return new Promise<number>((resolve) => late.push(resolve)) as never
    }
  }
  const { dir, mount: mounted, room, log } = await served(t, new Late())
  const caller = new Program('stat', [`${dir}/f`])
  await until(() => late.length === 1, 'the lookup')
  await mounted.unmount({ force: true })
  for (const resolve of late) resolve(0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.notEqual(await caller.ended, 0)
  assert.deepEqual(room.mounted(), [])
  assert.ok(mounted.stats().inFlight === 0 && log.every((line) => !line.includes('uncaught')))
  await assert.rejects(mounted.notify.invalInode(1), { code: 'ENODEV' })
})

test('a table of descriptors that is full', options, async (t) => {
  const room = roomFor(t)
  const path = moduleIn(
    room,
    `import { openSync, closeSync } from 'node:fs'
// The first use loads the addon.
await fw.listMounts()
const fds = []
try { for (;;) fds.push(openSync('/dev/null')) } catch {}
let code
try { await fw.mount(dir, fw.tree({})) } catch (error) { code = error.code }
for (const fd of fds) closeSync(fd)
console.log(code)
const m = await fw.mount(dir, fw.tree({}))
await m.unmount()
console.log('then mounted')`,
  )
  const limited = await run('bash', ['-c', `ulimit -n 512; ${process.execPath} ${path}`])
  assert.equal(limited.stdout, 'EMFILE\nthen mounted\n', limited.stderr)
  assert.deepEqual(room.mounted(), [])
})
