// All nine notifications over the real kernel, and those that could lock up against a request of the same inode.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type AttrOut,
  type DataOut,
  type EntryOut,
  FileSystem,
  type OpenOut,
  type PollHandle,
  type Request,
} from '../../src/index.js'
import { blocker, Program, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }
const FILE = 2

/** One file `f` whose caches last for an hour; counts what the kernel asks. */
class Cached extends FileSystem {
  text = 'one'
  lookups = 0
  getattrs = 0
  reads = 0
  forgotten = 0
  poller: PollHandle | null = null
  events = 0
  hold: ((value: number) => void) | null = null
  holds = false
  #put(attr: AttrOut['attr'], node: number): void {
    attr.mode = node === 1 ? 0o040755 : 0o100644
    attr.size = node === 1 ? 0 : Buffer.byteLength(this.text)
  }
  override lookup(_req: Request, _parent: number, name: string, out: EntryOut): number {
    if (name !== 'f') return -2
    this.lookups++
    out.nodeId = FILE
    this.#put(out.attr, FILE)
    return 0
  }
  override forget(_node: number, count: number): void {
    this.forgotten += count
  }
  override getattr(_req: Request, node: number, _handle: number | undefined, out: AttrOut): number {
    if (node === FILE) this.getattrs++
    this.#put(out.attr, node)
    return 0
  }
  override open(_req: Request, _node: number, _flags: number, out: OpenOut): number {
    // FOPEN_KEEP_CACHE
    out.flags = 2
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
    this.reads++
    out.copy(Buffer.from(this.text).subarray(offset, offset + size))
    return 0
  }
  override write(
    _req: Request,
    _node: number,
    _handle: number,
    _offset: number,
    data: Uint8Array,
  ): number | Promise<number> {
    const { length } = data
    if (!this.holds) return length
    return new Promise((resolve) => {
      this.hold = () => resolve(length)
    })
  }
  override poll(_req: Request, _node: number, _handle: number, _events: number, wake?: PollHandle): number {
    if (wake !== undefined) this.poller = wake
    return this.events
  }
}

const long = { entryTimeout: 3600, attrTimeout: 3600 }

test(
  'INVAL_INODE, INVAL_ENTRY, DELETE, INC_EPOCH and PRUNE make the kernel ask again',
  options,
  async (t) => {
    const fs = new Cached()
    const { out, sh, mount } = await served(t, fs, long)
    const { notify } = mount
    await assert.rejects(notify.invalInode(FILE), { code: 'ENOENT' })
    await out(`cat $M/f; cat $M/f`)
    assert.deepEqual([fs.lookups, fs.reads], [1, 1])

    fs.text = 'longer'
    assert.equal(await out(`cat $M/f`), 'one')
    await notify.invalInode(FILE)
    assert.equal(await out(`cat $M/f`), 'longer')

    /** Lookups and forgets that a notification brings about, with the next use of the name. */
    const after = async (send: () => Promise<void>, forgets: number): Promise<void> => {
      const [lookups, forgotten] = [fs.lookups, fs.forgotten]
      await send()
      await until(() => fs.forgotten >= forgotten + forgets, 'the forget')
      await out(`stat $M/f`)
      assert.equal(fs.lookups, lookups + 1)
    }
    await after(() => notify.invalEntry(1, 'f', { expireOnly: true }), 0)
    await after(() => notify.invalEntry(1, 'f'), 2)
    await after(() => notify.delete(1, FILE, 'f'), 1)
    await after(() => notify.incEpoch(), 0)
    await after(() => notify.prune([FILE, 77]), 1)
    await assert.rejects(notify.delete(1, 99, 'f'), { code: 'ENOENT' })
    await assert.rejects(notify.invalEntry(1, 'nothing'), { code: 'ENOENT' })
    await assert.rejects(notify.invalEntry(1, 'x'.repeat(9000)), { code: /ENAMETOOLONG|EINVAL/ })
    assert.equal((await sh(`cat $M/f`)).status, 0)
  },
)

test('STORE fills the page cache, RETRIEVE gives it back', options, async (t) => {
  const fs = new Cached()
  fs.text = 'x'.repeat(10_000)
  const { out, mount } = await served(t, fs, long)
  await out(`stat $M/f`)
  await mount.notify.store(FILE, 0, Buffer.from('stored'.padEnd(10_000, '.')))
  assert.equal(await out(`head -c 7 $M/f`), 'stored.')
  assert.equal(fs.reads, 0)
  const back = await mount.notify.retrieve(FILE, 0, 6)
  assert.equal(Buffer.from(back).toString(), 'stored')
  await mount.notify.invalInode(FILE)
  assert.equal((await mount.notify.retrieve(FILE, 0, 4096)).length, 0)
  await assert.rejects(mount.notify.retrieve(99, 0, 10), { code: 'ENOENT' })
  const pages = await Promise.all(Array.from({ length: 20 }, () => mount.notify.retrieve(FILE, 0, 4096)))
  assert.equal(pages.length, 20)
})

test('POLL wakes a poller; RESEND sends what waits once more', options, async (t) => {
  const fs = new Cached()
  const { dir, mount, out } = await served(t, fs, long)
  const poller = new Program('python3', [
    '-c',
    `import select, sys
f = open(sys.argv[1])
p = select.poll()
p.register(f, select.POLLIN)
print('polling', flush=True)
print('woken', p.poll(20000)[0][1], flush=True)`,
    `${dir}/f`,
  ])
  await until(() => fs.poller !== null, 'a poller')
  fs.events = 1
  await mount.notify.poll(fs.poller!)
  await poller.ended
  assert.match(poller.stdout, /woken 1/)

  fs.holds = true
  const writer = new Program('bash', ['-c', 'echo x > "$M/f"'], { M: dir })
  await until(() => fs.hold !== null, 'a write')
  fs.hold = null
  await mount.notify.resend()
  await until(() => fs.hold !== null, 'the write once more')
  fs.hold!(0)
  fs.holds = false
  assert.equal(await writer.ended, 0)
  assert.match(await out(`stat -c %F $M/f`), /regular/)
})

test('INVAL_INODE and STORE while a write of the same inode waits lock nothing up', options, async (t) => {
  const fs = new Cached()
  fs.text = 'y'.repeat(8192)
  const { dir, mount, out } = await served(t, fs, long)
  await out(`cat $M/f > /dev/null`)
  fs.holds = true
  const writer = new Program(
    'bash',
    ['-c', 'dd if=/dev/zero of="$M/f" bs=4096 count=1 conv=notrunc status=none'],
    { M: dir },
  )
  await until(() => fs.hold !== null, 'a write')
  // They may have to wait for the write, which waits for us: the loop must stay free to answer it.
  const done = Promise.allSettled([
    mount.notify.invalInode(FILE),
    mount.notify.store(FILE, 0, Buffer.alloc(4096, 1)),
  ])
  await new Promise((resolve) => setTimeout(resolve, 200))
  fs.holds = false
  fs.hold!(0)
  assert.equal(await writer.ended, 0)
  const results = await done
  assert.ok(
    results.every(({ status }) => status === 'fulfilled'),
    JSON.stringify(results),
  )
})

test('unmount and force while a notification waits for a write that never ends', options, async (t) => {
  const fs = new Cached()
  fs.text = 'y'.repeat(8192)
  const { dir, mount, out, room } = await served(t, fs, long)
  await out(`cat $M/f > /dev/null`)
  fs.holds = true
  const writer = new Program('dd', ['if=/dev/zero', `of=${dir}/f`, 'bs=4096', 'count=1', 'conv=notrunc'])
  await until(() => fs.hold !== null, 'a write')
  const notified = mount.notify.invalInode(FILE).catch((error: unknown) => error)
  await mount.unmount({ force: true })
  await notified
  await writer.ended
  assert.deepEqual(room.mounted(), [])
})
