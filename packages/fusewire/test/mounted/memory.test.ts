// The memory filesystem on the real kernel: what only the two together can show.
import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, execFile, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { type MemoryFileSystem, type MemoryOptions, type Mount, memory, mount } from '../../src/index.js'

/** No call on a mount may hang a test: after this many milliseconds its process is killed. */
const LIMIT = 20_000
const USER = 1234

function blocker(): string | false {
  if (process.getuid?.() !== 0) return 'acting as other users needs root'
  if (!existsSync('/dev/fuse')) return '/dev/fuse is missing'
  if (spawnSync('python3', ['-c', '']).status !== 0)
    return 'python3, which makes the system calls, is missing'
  return false
}

let base: string
let dir: string
let files: MemoryFileSystem
let mounted: Mount | null

async function start(options: MemoryOptions = {}): Promise<void> {
  files = memory({ mode: 0o777, ...options })
  mounted = await mount(dir, files, { allowOther: true, defaultPermissions: true })
}

async function stop(): Promise<void> {
  const current = mounted
  mounted = null
  await current?.[Symbol.asyncDispose]()
}

/**
 * How each program starts. It changes its directory itself: with `cwd` of `spawn` the child would do it while this
 * process, which serves the directory, still waits for the child to start.
 */
const head = (): string => `import os, fcntl, errno, signal\nos.chdir(${JSON.stringify(dir)})\n`

/** Runs a Python program below the mount and answers what it printed. Node.js has none of these system calls. */
async function python(program: string, uid = 0): Promise<string> {
  const options = { timeout: LIMIT, killSignal: 'SIGKILL' as const, uid, gid: uid }
  const { stdout } = await promisify(execFile)('python3', ['-c', head() + program], options)
  return stdout.trim()
}

/** A Python program that goes on running: `line()` is its next line of output, `tell()` lets it go on. */
function actor(program: string): {
  line: () => Promise<string>
  tell: () => void
  child: ChildProcessWithoutNullStreams
} {
  const child = spawn('python3', ['-uc', head() + program], { timeout: LIMIT })
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift()
    if (next) next(line)
    else lines.push(line)
  })
  const line = (): Promise<string> => {
    const ready = lines.shift()
    return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready)
  }
  return { line, tell: () => child.stdin.write('\n'), child }
}

const operations = (name: string): number => mounted?.stats().operations[name]?.count ?? 0

describe('memory on the real kernel', { skip: blocker(), timeout: 120_000 }, () => {
  beforeEach(async () => {
    base = await fs.mkdtemp(join(tmpdir(), 'fusewire-memory-'))
    await fs.chmod(base, 0o755)
    dir = join(base, 'mnt')
    await fs.mkdir(dir)
  })
  afterEach(async () => {
    await stop()
    await fs.rm(base, { recursive: true })
  })

  test('sparse files: data and holes as lseek(2) sees them, punched and filled', async () => {
    await start()
    const seek = await python(`
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.pwrite(f, b'x', 1 << 40)
d = os.lseek(f, 0, os.SEEK_DATA)
print(d, os.lseek(f, d, os.SEEK_HOLE) - d, os.fstat(f).st_blocks, os.fstat(f).st_size)
os.posix_fallocate(f, 0, 8192)
print(os.fstat(f).st_blocks)`)
    assert.equal(seek, `${2 ** 40} 1 8 ${2 ** 40 + 1}\n24`)
    assert.equal(files.usage().bytes, 3 * 4096)
  })

  test('a POSIX ACL is enforced by the kernel, inherited from its directory, and follows chmod', async () => {
    await start()
    const outcome = await python(`
import struct
def acl(*entries): return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', t, p, i) for t, p, i in entries)
NONE = 0xffffffff
os.mkdir('d', 0o700)
os.setxattr('d', 'system.posix_acl_default', acl((1,7,NONE),(2,6,${USER}),(4,0,NONE),(0x10,7,NONE),(0x20,0,NONE)))
os.setxattr('d', 'system.posix_acl_access', acl((1,7,NONE),(2,5,${USER}),(4,0,NONE),(0x10,7,NONE),(0x20,0,NONE)))
os.umask(0o077)
open('d/f', 'w').write('secret')
print(oct(os.stat('d/f').st_mode), oct(os.stat('d').st_mode))`)
    assert.equal(outcome, '0o100660 0o40770')
    const read = `
try: print(open('d/f').read())
except OSError as e: print(errno.errorcode[e.errno])`
    assert.equal(await python(read, USER), 'secret')
    assert.equal(await python(read, USER + 1), 'EACCES')
    await fs.chmod(join(dir, 'd/f'), 0o600)
    assert.equal(await python(read, USER), 'EACCES', 'the mask follows the mode')
  })

  test('set-id bits fall when somebody else writes, truncates, allocates, copies or opens with O_TRUNC, and the kernel knows at once', async () => {
    await start()
    for (const act of [
      `os.write(os.open('f', os.O_WRONLY), b'x')`,
      `os.truncate('f', 1)`,
      `open('f', 'w')`,
      `os.posix_fallocate(os.open('f', os.O_WRONLY), 0, 100000)`,
      `os.copy_file_range(os.open('g', os.O_RDONLY), os.open('f', os.O_WRONLY), 3)`,
    ]) {
      await python(`open('g', 'w').write('data'); open('f', 'w').write('data'); os.chmod('f', 0o6777)`)
      assert.equal(await python('print(oct(os.stat("f").st_mode))'), '0o106777')
      await python(act, USER)
      assert.equal(await python('print(oct(os.stat("f").st_mode))'), '0o100777', act)
    }
  })

  test('an unlinked open file is read and written on, and everything of it goes with its close', async () => {
    await start()
    const { line, tell, child } = actor(`
f = os.open('f', os.O_RDWR | os.O_CREAT)
os.write(f, b'x' * 100000)
os.unlink('f')
os.pwrite(f, b'end', 99997)
print(os.fstat(f).st_nlink, os.fstat(f).st_size, os.pread(f, 3, 99997).decode())
input()`)
    assert.equal(await line(), '0 100000 end')
    assert.equal(files.usage().inodes, 2)
    const ended = new Promise((resolve) => child.on('exit', resolve))
    tell()
    await ended
    await until(() => files.usage().inodes === 1)
    assert.deepEqual(files.usage(), { inodes: 1, bytes: 0, lookups: 0, opens: 0 })
  })

  test('O_TMPFILE: linked into place by linkat(2)', async () => {
    await start()
    const outcome = await python(`
f = os.open('.', os.O_TMPFILE | os.O_RDWR)
os.write(f, b'made')
print(os.fstat(f).st_nlink)
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400
import ctypes
assert ctypes.CDLL(None).linkat(AT_FDCWD, b'/proc/self/fd/%d' % f, AT_FDCWD, b'named', AT_SYMLINK_FOLLOW) == 0
print(os.fstat(f).st_nlink, open('named').read())`)
    assert.equal(outcome, '0\n1 made')
  })

  test('locks: waited for, interrupted, refused in a circle, gone with their process', async () => {
    await start()
    const holder = actor(`
a = os.open('a', os.O_RDWR | os.O_CREAT); b = os.open('b', os.O_RDWR | os.O_CREAT)
fcntl.lockf(a, fcntl.LOCK_EX, 10)
print('held'); input()
try: fcntl.lockf(b, fcntl.LOCK_EX, 10)
except OSError as e: print('circle' if e.errno == errno.EDEADLK else e)
input()`)
    assert.equal(await holder.line(), 'held')
    const interrupted = await python(`
def stop(*_): raise InterruptedError
signal.signal(signal.SIGALRM, stop)
a = os.open('a', os.O_RDWR)
try:
  signal.setitimer(signal.ITIMER_REAL, 0.2)
  fcntl.lockf(a, fcntl.LOCK_EX, 1, 5)
except InterruptedError: print('interrupted')
try: fcntl.lockf(a, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 5)
except OSError as e: print(errno.errorcode[e.errno])
fcntl.lockf(a, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 10); print('beside')`)
    assert.equal(interrupted, 'interrupted\nEAGAIN\nbeside')
    const asked = operations('SETLKW')
    const waiter = actor(`
b = os.open('b', os.O_RDWR); a = os.open('a', os.O_RDWR)
fcntl.lockf(b, fcntl.LOCK_EX, 10)
print('held')
fcntl.lockf(a, fcntl.LOCK_EX, 10)
print('granted')`)
    assert.equal(await waiter.line(), 'held')
    await until(() => operations('SETLKW') === asked + 2)
    holder.tell()
    assert.equal(await holder.line(), 'circle')
    holder.tell()
    assert.equal(await waiter.line(), 'granted')
  })

  test('flock and open file description locks end with their open file', async () => {
    await start()
    const outcome = await python(`
import struct
a = os.open('f', os.O_RDWR | os.O_CREAT); b = os.open('f', os.O_RDWR)
fcntl.flock(a, fcntl.LOCK_EX)
try: fcntl.flock(b, fcntl.LOCK_SH | fcntl.LOCK_NB)
except OSError as e: print(errno.errorcode[e.errno])
os.close(a)
fcntl.flock(b, fcntl.LOCK_SH); print('shared')
OFD_SETLK = 37
whole = struct.pack('hhqqi4x', fcntl.F_WRLCK, 0, 0, 0, 0)
a = os.open('f', os.O_RDWR)
fcntl.fcntl(a, OFD_SETLK, whole)
try: fcntl.fcntl(b, OFD_SETLK, whole)
except OSError as e: print(errno.errorcode[e.errno])
os.close(a)
for _ in range(100):
  try: fcntl.fcntl(b, OFD_SETLK, whole); print('owned'); break
  except OSError: import time; time.sleep(0.05)`)
    assert.equal(outcome, 'EAGAIN\nshared\nEAGAIN\nowned')
  })

  test('rename: exchange and whiteout, and an open directory under its new name', async () => {
    await start()
    const outcome = await python(`
import ctypes, stat
libc = ctypes.CDLL(None, use_errno=True)
def renameat2(a, b, flags):
  return 0 if libc.renameat2(-100, a, -100, b, flags) == 0 else errno.errorcode[ctypes.get_errno()]
os.mkdir('d'); open('d/in', 'w'); open('f', 'w').write('file')
d = os.open('d', os.O_DIRECTORY)
print(renameat2(b'd', b'f', 1), renameat2(b'd', b'f', 2), os.listdir('f'), open('d').read())
print(os.listdir(d), renameat2(b'd', b'g', 4), stat.S_ISCHR(os.stat('d').st_mode), os.stat('d').st_rdev)`)
    assert.equal(outcome, "EEXIST 0 ['in'] file\n['in'] 0 True 0")
  })

  test('ENOSPC and EDQUOT reach the writer; what was written before stays', async () => {
    await start({ size: '1M', quotas: { [USER]: { size: 8192 } } })
    const fill = `
f = os.open(str(os.getuid()), os.O_RDWR | os.O_CREAT)
total = 0
try:
  while True: total += os.write(f, b'x' * 10000)
except OSError as e: print(errno.errorcode[e.errno], total, os.fstat(f).st_size)`
    assert.equal(await python(fill, USER), 'EDQUOT 8192 8192')
    assert.equal(await python(fill), `ENOSPC ${2 ** 20 - 8192} ${2 ** 20 - 8192}`)
    assert.equal(
      await python(`s = os.statvfs('.'); print(s.f_bfree, s.f_blocks * s.f_frsize)`),
      `0 ${2 ** 20}`,
    )
  })

  test('times: nanoseconds, before 1970 and behind 2038, and the time of birth', async () => {
    await start()
    const outcome = await python(`
open('f', 'w')
os.utime('f', ns=(-1, (1 << 33) * 10**9 + 123456789))
s = os.stat('f'); print(s.st_atime_ns, s.st_mtime_ns)`)
    assert.equal(outcome, `-1 ${2 ** 33}123456789`)
    const before = Math.floor(Date.now() / 1000)
    const { stdout } = await promisify(execFile)('stat', ['-c', '%W', join(dir, 'f')], { timeout: LIMIT })
    assert.ok(Math.abs(Number(stdout) - before) < 100, `born at ${stdout}`)
  })

  test('a read after a change is recorded also when the data was cached', async () => {
    await start()
    const outcome = await python(`
open('f', 'w').write('data')
os.utime('f', ns=(5, 6))
open('f').read()
first = os.stat('f').st_atime_ns
open('f').read()
print(first > 6, os.stat('f').st_atime_ns == first)`)
    assert.equal(outcome, 'True True')
  })

  test('a file handle opens its node also when the kernel has forgotten it, and no later node with the same number', async () => {
    await start()
    const program = (rest: string): string => `
import ctypes, struct
libc = ctypes.CDLL(None, use_errno=True)
def handle(path):
  buffer = ctypes.create_string_buffer(136)
  struct.pack_into('Ii', buffer, 0, 128, 0)
  assert libc.name_to_handle_at(-100, path, buffer, ctypes.byref(ctypes.c_int()), 0) == 0
  return buffer
def opened(buffer):
  fd = libc.open_by_handle_at(root, buffer, os.O_RDONLY)
  return os.readlink(f'/proc/self/fd/{fd}')[len(os.getcwd()):] if fd >= 0 else errno.errorcode[ctypes.get_errno()]
root = os.open('.', os.O_RDONLY)
${rest}`
    const outcome = await python(
      program(`
os.makedirs('d/sub'); open('d/sub/f', 'w')
directory, file = handle(b'd/sub'), handle(b'd/sub/f')
open('/proc/sys/vm/drop_caches', 'w').write('2')
print(opened(directory), opened(handle(b'd')))
os.unlink('d/sub/f')
open('d/sub/g', 'w')
print(opened(file))`),
    )
    assert.equal(outcome, '/d/sub /d\nESTALE')
  })

  test('names are bytes', async () => {
    await start()
    assert.equal(await python(`open(b'\\xff\\xfe', 'w'); print(os.listdir(b'.'))`), "[b'\\xff\\xfe']")
  })

  test('what is in it outlives the mount', async () => {
    await start()
    await fs.writeFile(join(dir, 'kept'), 'still here')
    await stop()
    assert.equal(files.usage().lookups, 0)
    mounted = await mount(dir, files)
    assert.equal(await fs.readFile(join(dir, 'kept'), 'utf8'), 'still here')
  })

  test("with the kernel's own locks opening and closing costs no request", async () => {
    await start({ locks: 'kernel' })
    await fs.writeFile(join(dir, 'f'), 'data')
    const rounds = await python(`
for i in range(50):
  f = os.open('f', os.O_RDWR); fcntl.lockf(f, fcntl.LOCK_EX); os.pwrite(f, b'%d' % i, 0); os.close(f)
  open('f', 'a').close()
os.truncate('f', 1); open('f', 'w').close(); print(os.stat('f').st_size)`)
    assert.equal(rounds, '0')
    assert.ok(operations('OPEN') <= 2, `${operations('OPEN')} OPEN`)
    assert.ok(operations('FLUSH') <= 2, `${operations('FLUSH')} FLUSH`)
    assert.ok(operations('RELEASE') <= 2, `${operations('RELEASE')} RELEASE`)
    assert.equal(operations('SETLK') + operations('SETLKW'), 0)
    await python(
      `f = os.open('g', os.O_RDWR | os.O_CREAT); os.unlink('g'); os.write(f, b'x'); os.unlink('f')`,
    )
    await until(() => files.usage().inodes === 1)
  })

  test("1,000,000 names are listed, all of them, with the server's memory as it was", async () => {
    await start()
    await stop()
    const { Direct } = await import('../fs/memory/direct.js')
    const direct = new Direct()
    const big = direct.mkdir(1, 'big')
    for (let i = 0; i < 1_000_000; i++) direct.fs.forget(direct.mknod(big, `name-${i}`), 1)
    files = direct.fs
    direct.fs.destroy()
    mounted = await mount(dir, files, { allowOther: true })
    const before = process.memoryUsage()
    const count = await python(`print(sum(1 for _ in os.scandir('big')), len(set(os.listdir('big'))))`)
    assert.equal(count, '1000000 1000000')
    const after = process.memoryUsage()
    const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers
    assert.ok(grown < 16 * 2 ** 20, `buffers grew by ${grown} bytes`)
  })
})

/** Waits until something is so that comes about by itself (the kernel releases files in the background). */
async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + LIMIT
  while (!holds()) {
    assert.ok(Date.now() < end, 'it never came about')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
