// The end of a process that serves a mount: by itself, by signals, by errors, in worker threads. No mount is left.
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { run } from '../mount/support/room.js'
import { blocker, Program, roomFor, script, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }
const SERVE = `const m = await fw.mount(dir, fw.tree({ hello: 'hello\\n' }))
console.log('ready')
`

async function serving(t: TestContext, code: string, ready = 'ready') {
  const room = roomFor(t)
  const program = script(room, code)
  await program.says(ready)
  return { room, program, dir: room.at('mnt') }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} unmounts and exits with 0`, options, async (t) => {
    const { room, program, dir } = await serving(t, SERVE)
    assert.equal((await run('cat', [`${dir}/hello`])).stdout, 'hello\n')
    program.kill(signal)
    assert.equal(await program.ended, 0)
    assert.deepEqual(room.mounted(), [])
    assert.equal(program.stderr, '')
  })
}

test('Ctrl-C on a busy mount says who holds it; the second detaches', options, async (t) => {
  const { room, program, dir } = await serving(t, SERVE)
  const holder = new Program('bash', ['-c', 'cd "$M" && echo held && exec sleep 25'], { M: dir })
  await holder.says('held')
  program.kill('SIGINT')
  await program.says('interrupt once more')
  assert.match(program.stderr, new RegExp(`\\b${holder.pid}\\b`))
  assert.equal((await run('cat', [`${dir}/hello`])).stdout, 'hello\n')
  program.kill('SIGINT')
  assert.equal(await program.ended, 0)
  assert.deepEqual(room.mounted(), [])
  holder.kill('SIGKILL')
  await holder.ended
})

test('SIGTERM detaches a busy mount', options, async (t) => {
  const { room, program, dir } = await serving(t, SERVE)
  const holder = new Program('bash', ['-c', 'cd "$M" && echo held && exec sleep 25'], { M: dir })
  await holder.says('held')
  program.kill('SIGTERM')
  assert.equal(await program.ended, 0)
  assert.deepEqual(room.mounted(), [])
  holder.kill('SIGKILL')
  await holder.ended
})

test('a program that listens to SIGINT itself decides', options, async (t) => {
  const { room, program, dir } = await serving(t, `${SERVE}process.on('SIGINT', () => console.log('own'))`)
  program.kill('SIGINT')
  await program.says('own')
  assert.equal((await run('cat', [`${dir}/hello`])).stdout, 'hello\n')
  program.kill('SIGTERM')
  assert.equal(await program.ended, 0)
  assert.deepEqual(room.mounted(), [])
})

const ENDS: [string, string, number][] = [
  ['process.exit', `${SERVE}process.exit(7)`, 7],
  ['an uncaught error', `${SERVE}setTimeout(() => { throw new Error('boom') }, 10)`, 1],
  ['an unhandled rejection', `${SERVE}Promise.reject(new Error('boom'))`, 1],
  [
    'process.exit with a handler that hangs',
    `class Hangs extends fw.FileSystem { getattr() { return new Promise(() => {}) } }
await fw.mount(dir, new Hangs())
const { execFile } = await import('node:child_process')
execFile('stat', [dir + '/x'])
execFile('stat', [dir])
console.log('ready')
setTimeout(() => process.exit(3), 300)`,
    3,
  ],
  [
    'a busy loop before process.exit',
    `${SERVE}const end = Date.now() + 300; while (Date.now() < end); process.exit(4)`,
    4,
  ],
]
for (const [what, code, status] of ENDS) {
  test(`no mount is left after ${what}`, options, async (t) => {
    const { room, program } = await serving(t, code)
    assert.equal(await program.ended, status, program.stderr)
    await until(() => room.mounted().length === 0, 'the end of the mount')
  })
}

test('Ctrl-C with a handler that hangs, and with a destroy that hangs', options, async (t) => {
  const { room, program, dir } = await serving(
    t,
    `class Hangs extends fw.FileSystem {
  lookup() { return new Promise(() => {}) }
  destroy() { return new Promise(() => {}) }
}
await fw.mount(dir, new Hangs())
setInterval(() => {}, 1000)
console.log('ready')`,
  )
  const caller = new Program('cat', [`${dir}/x`])
  await new Promise((resolve) => setTimeout(resolve, 300))
  program.kill('SIGINT')
  await until(
    () => room.mounted().length === 0 || program.stderr.includes('once more'),
    'an answer to SIGINT',
  )
  program.kill('SIGINT')
  assert.equal(await program.ended, 0)
  assert.deepEqual(room.mounted(), [])
  assert.notEqual(await caller.ended, 0)
})

test(
  'the process exits by itself when its last mount ends, by unmount and by umount(8)',
  options,
  async (t) => {
    const { room, program, dir } = await serving(
      t,
      `import { mkdirSync } from 'node:fs'
mkdirSync(dir + '2')
const other = await fw.mount(dir + '2', fw.memory())
${SERVE}await other.notify.incEpoch()
await other.unmount()
console.log('one left')`,
      'one left',
    )
    assert.equal((await run('cat', [`${dir}/hello`])).stdout, 'hello\n')
    assert.equal((await run('umount', [dir])).status, 0)
    assert.equal(await program.ended, 0)
    assert.deepEqual(room.mounted(), [])
  },
)

test('unref lets the process end, and the mount with it', options, async (t) => {
  const { room, program } = await serving(t, `${SERVE}m.unref()`)
  assert.equal(await program.ended, 0)
  assert.deepEqual(room.mounted(), [])
})

test(
  'SIGKILL of the server leaves a stale mount that unmount() and replaceStale clear',
  options,
  async (t) => {
    const { room, program, dir } = await serving(t, SERVE)
    program.kill('SIGKILL')
    assert.equal(await program.ended, 'SIGKILL')
    assert.match((await run('ls', [dir])).stderr, /not connected/)
    const { isStale, mount, tree, unmount } = await import('../../src/index.js')
    assert.equal(await isStale(dir), true)
    await assert.rejects(mount(dir, tree({})), /replaceStale|stale|not connected/i)
    const again = await mount(dir, tree({ again: 'again\n' }), { replaceStale: true })
    assert.equal((await run('cat', [`${dir}/again`])).stdout, 'again\n')
    await again.unmount()
    const second = script(room, SERVE)
    await second.says('ready')
    second.kill('SIGKILL')
    await second.ended
    await unmount(dir)
    assert.deepEqual(room.mounted(), [])
  },
)

const WORKER = `import { Worker } from 'node:worker_threads'
const code = (dir) => \`import(\${JSON.stringify(INDEX)}).then(async (fw) => {
  await fw.mount(\${JSON.stringify(dir)}, fw.tree({ hello: 'hello\\\\n' }))
  require('node:worker_threads').parentPort.postMessage('up')
})\`
const start = (dir) => new Promise((resolve, reject) => {
  const worker = new Worker(code(dir), { eval: true })
  worker.once('message', () => resolve(worker))
  worker.once('error', reject)
})
`

test('mounts in worker threads; terminate() ends the connection', options, async (t) => {
  const index = new URL('../../src/index.js', import.meta.url).href
  const { room, program, dir } = await serving(
    t,
    `const INDEX = ${JSON.stringify(index)}
${WORKER}
import { mkdirSync, readFileSync } from 'node:fs'
mkdirSync(dir + '2')
const workers = [await start(dir), await start(dir + '2')]
// The main thread may wait in a system call, because others serve.
console.log(readFileSync(dir + '/hello', 'utf8') + readFileSync(dir + '2/hello', 'utf8'))
await workers[0].terminate()
console.log('terminated')
process.on('SIGUSR2', async () => { await workers[1].terminate(); console.log('done') })
setInterval(() => {}, 1000)
`,
    'terminated',
  )
  assert.match(program.stdout, /hello\nhello\n/)
  const first = await run('cat', [`${dir}/hello`])
  assert.match(first.stderr, /not connected|No such file|aborted/, 'it does not hang')
  assert.equal((await run('cat', [`${dir}2/hello`])).stdout, 'hello\n')
  program.kill('SIGUSR2')
  await program.says('done')
  program.kill('SIGKILL')
  await program.ended
  const { unmount } = await import('../../src/index.js')
  for (const point of room.mounted()) await unmount(point)
})
