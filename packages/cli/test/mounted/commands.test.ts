// The commands on the real kernel.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bash, blocker, folder, fusewire, MAIN, mountsBelow, Running, start } from '../command.js'

const options = { skip: blocker, timeout: 60_000 }

test('mount hello says what is served and how, until Ctrl-C', options, async (t) => {
  const { mnt } = folder(t)
  const running = start('mount', 'hello', mnt)
  assert.match(
    await running.line(),
    new RegExp(`^hello on ${mnt} \\(fsmount, connection \\d+, pid \\d+\\)\\n$`),
  )
  const shown = await bash(`cat ${mnt}/hello; ls ${mnt}; findmnt -no FSTYPE,SOURCE ${mnt}`)
  assert.match(shown.stdout, /^hello from fusewire\nhello\nfuse.fusewire-hello +hello\n$/)
  running.kill('SIGINT')
  assert.deepEqual((await running.ended).code, 0)
  assert.deepEqual(mountsBelow(mnt), [])
})

test('mount memory takes its size from --size and from -o', options, async (t) => {
  const { mnt } = folder(t)
  for (const args of [
    ['--size', '1M', '--inodes', '10'],
    ['-o', 'size=1M,inodes=10'],
  ]) {
    const running = start('mount', 'memory', mnt, ...args)
    await running.line()
    const { stdout, stderr } = await bash(
      `df -k --output=size ${mnt} | tail -1; head -c 2M /dev/zero > ${mnt}/f; for i in $(seq 12); do touch ${mnt}/$i; done`,
    )
    assert.match(stdout, /^ *1024\n/)
    assert.match(stderr, /No space left/)
    running.kill('SIGTERM')
    assert.equal((await running.ended).code, 0)
  }
})

test('mount tree from JSON and from modules', options, async (t) => {
  const { dir, mnt } = folder(t)
  writeFileSync(join(dir, 't.json'), '{"a": "text\\n", "d": {"e": "deep\\n"}}')
  writeFileSync(join(dir, 'object.mjs'), `export default { a: 'text\\n', d: { e: () => 'deep\\n' } }`)
  writeFileSync(
    join(dir, 'function.mjs'),
    `export default async () => ({ a: 'text\\n', d: new Map([['e', 'deep\\n']]) })`,
  )
  for (const name of ['t.json', 'object.mjs', 'function.mjs']) {
    const running = start('mount', 'tree', join(dir, name), mnt)
    assert.match(await running.line(), /^tree of /, running.stderr)
    assert.equal((await bash(`cat ${mnt}/a ${mnt}/d/e`)).stdout, 'text\ndeep\n', name)
    running.kill('SIGINT')
    await running.ended
  }
})

test('mount passthrough of another directory, and over itself', options, async (t) => {
  const { dir, mnt } = folder(t)
  mkdirSync(join(dir, 'src'))
  writeFileSync(join(dir, 'src', 'f'), 'from src\n')
  writeFileSync(join(mnt, 'own'), 'own\n')
  const first = start('mount', 'passthrough', join(dir, 'src'), mnt)
  await first.line()
  assert.equal((await bash(`cat ${mnt}/f; echo new > ${mnt}/g; cat ${dir}/src/g`)).stdout, 'from src\nnew\n')
  first.kill('SIGINT')
  await first.ended
  const second = start('mount', 'passthrough', mnt)
  await second.line()
  assert.equal((await bash(`cat ${mnt}/own; findmnt -n ${mnt} | wc -l`)).stdout, 'own\n1\n')
  second.kill('SIGINT')
  assert.equal((await second.ended).code, 0)
})

test('-o: options of mount(8), several times, with a comma in a value', options, async (t) => {
  const { mnt } = folder(t)
  const running = start(
    'mount',
    'memory',
    mnt,
    '-o',
    'ro,noexec',
    '-o',
    'fsname=a\\,b\\',
    '-o',
    'entry_timeout=0.5',
  )
  await running.line()
  assert.match(
    (await bash(`findmnt -no OPTIONS,SOURCE ${mnt}; touch ${mnt}/x`)).stdout,
    /ro,.*noexec.* a,b\\/,
  )
  running.kill('SIGINT')
  await running.ended
})

test('--json of mount, list and umount', options, async (t) => {
  const { mnt } = folder(t)
  const running = start('mount', 'hello', mnt, '--json')
  const told = JSON.parse(await running.line()) as Record<string, unknown>
  assert.equal(told.filesystem, 'hello')
  assert.equal(told.mountpoint, mnt)
  assert.equal(typeof told.connectionId, 'number')
  const all = JSON.parse((await fusewire('list', '--json')).stdout) as Record<string, unknown>[]
  const own = all.find(({ mountpoint }) => mountpoint === mnt)
  assert.equal(own?.connectionId, told.connectionId)
  assert.equal(own?.type, 'fuse.fusewire-hello')
  const table = (await fusewire('list')).stdout
  assert.match(
    table,
    new RegExp(
      `^MOUNT POINT +SOURCE +TYPE(.|\\n)*${mnt} +hello +fuse.fusewire-hello +0 +${told.connectionId}`,
    ),
  )
  const gone = await fusewire('umount', mnt, '--json')
  assert.deepEqual(JSON.parse(gone.stdout), { unmounted: [mnt] })
  assert.equal((await running.ended).code, 0)
})

test('--daemon returns when the mount answers, and is found by list', options, async (t) => {
  const { dir, mnt } = folder(t)
  const { code, stdout, stderr } = await fusewire('mount', 'memory', mnt, '-d', '--log', join(dir, 'log'))
  assert.deepEqual([code, stderr], [0, ''])
  const pid = Number(/pid (\d+)/.exec(stdout)?.[1])
  // A session of its own: the terminal's end is not the mount's.
  const told = await bash(`echo x > ${mnt}/f; cat ${mnt}/f; ps -o sid= -p ${pid} | tr -d ' '`)
  assert.equal(told.stdout, `x\n${pid}\n`)
  assert.ok(existsSync(join(dir, 'log')))
  assert.equal((await fusewire('umount', mnt)).code, 0)
  for (let i = 0; i < 250 && existsSync(`/proc/${pid}`); i++) await new Promise((r) => setTimeout(r, 20))
  assert.equal(existsSync(`/proc/${pid}`), false)
})

test('--daemon that cannot mount says why', options, async (t) => {
  const { dir } = folder(t)
  const missing = await fusewire('mount', 'hello', join(dir, 'none'), '--daemon')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^fusewire: [^\n]*none[^\n]*\n$/)
  writeFileSync(join(dir, 'dies.mjs'), 'process.exit(9)')
  const dead = await fusewire('mount', 'tree', join(dir, 'dies.mjs'), join(dir, 'mnt'), '--daemon')
  assert.equal(dead.code, 1)
  assert.match(dead.stderr, /ended with code 9/)
})

test('--debug prints a line for every request and reply', options, async (t) => {
  const { mnt } = folder(t)
  const running = start('mount', 'hello', mnt, '--debug')
  await running.line()
  await bash(`cat ${mnt}/hello; cat ${mnt}/none`)
  running.kill('SIGINT')
  const { stderr } = await running.ended
  for (const word of [/INIT/, /LOOKUP.*hello/, /READ/, /ENOENT/]) assert.match(stderr, word)
})

test('umount: several, busy with holders, lazy, force, stale', options, async (t) => {
  const { dir, mnt } = folder(t)
  const other = join(dir, 'other')
  mkdirSync(other)
  for (const point of [mnt, other])
    assert.equal((await fusewire('mount', 'hello', point, '--daemon')).code, 0)
  const holder = new Running('bash', ['-c', `cd ${mnt} && echo held && exec sleep 15`])
  await holder.line()
  const busy = await fusewire('umount', mnt, other)
  assert.equal(busy.code, 1)
  assert.match(busy.stderr, /^fusewire: [^\n]*sleep[^\n]*\n$/)
  assert.deepEqual(mountsBelow(dir), [mnt])
  assert.equal((await fusewire('umount', '--lazy', mnt)).code, 0)
  assert.deepEqual(mountsBelow(dir), [])
  holder.kill('SIGKILL')
  await holder.ended

  const killed = start('mount', 'hello', mnt)
  await killed.line()
  killed.kill('SIGKILL')
  await killed.ended
  assert.match((await bash(`ls ${mnt}`)).stderr, /not connected/)
  assert.match((await fusewire('mount', 'hello', mnt)).stderr, /replace_stale|umount/)
  assert.equal((await fusewire('umount', mnt)).code, 0)
  const again = start('mount', 'hello', mnt)
  await again.line()
  again.kill('SIGKILL')
  await again.ended
  assert.equal((await fusewire('mount', 'hello', mnt, '-d', '-o', 'replace_stale')).code, 0)
  assert.equal((await bash(`cat ${mnt}/hello`)).stdout, 'hello from fusewire\n')
  assert.equal((await fusewire('umount', '-f', mnt)).code, 0)
  assert.deepEqual(mountsBelow(dir), [])
})

test(
  'a hung server: list shows it without touching it, umount --force frees the caller',
  options,
  async (t) => {
    const { dir, mnt } = folder(t)
    writeFileSync(join(dir, 'hangs.mjs'), `export default { f: () => new Promise(() => {}) }`)
    const server = start('mount', 'tree', join(dir, 'hangs.mjs'), mnt)
    await server.line()
    server.kill('SIGSTOP')
    const caller = new Running('cat', [join(mnt, 'f')])
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.match((await fusewire('list')).stdout, new RegExp(mnt))
    assert.equal((await fusewire('umount', '--force', mnt)).code, 0)
    assert.notEqual((await caller.ended).code, 0)
    server.kill('SIGCONT')
    assert.equal((await server.ended).code, 0)
  },
)

test('mount points with control characters are shown, not obeyed', options, async (t) => {
  const { dir } = folder(t)
  const odd = join(dir, 'a\nb\u001bc')
  mkdirSync(odd)
  const running = start('mount', 'hello', odd)
  assert.match(await running.line(), /^[^\n]*a\\x0ab\\x1bc [^\n]*\n$/)
  assert.match((await fusewire('list')).stdout, /a\\x0ab\\x1bc/)
  assert.equal((await fusewire('umount', odd)).code, 0)
  assert.equal((await running.ended).code, 0)
  assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes('a\\012b'))
})

test('a reader that leaves does not end the mount', options, async (t) => {
  const { mnt } = folder(t)
  const piped = `${process.execPath} ${MAIN} mount hello ${mnt} --debug 2>&1 | head -1`
  const shell = new Running('bash', ['-c', piped])
  await shell.line()
  for (let i = 0; i < 3; i++) assert.equal((await bash(`cat ${mnt}/hello`)).stdout, 'hello from fusewire\n')
  assert.equal((await fusewire('umount', mnt)).code, 0)
  assert.equal((await shell.ended).code, 0)
})
