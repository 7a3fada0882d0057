// Callers that give up: Ctrl-C, SIGKILL, and signals that mean nothing, while a handler never answers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EntryOut, FileSystem, type Options, type Request } from '../../src/index.js'
import { blocker, Program, served, until } from '../support/served.js'

const options = { skip: blocker, timeout: 60_000 }

/** Looks up for ever, or until it is told. */
class Forever extends FileSystem {
  readonly asked: Request[] = []
  readonly signals: AbortSignal[] = []
  answer: (value: number) => void = () => {}
  override lookup(req: Request, _parent: number, _name: string, _out: EntryOut): Promise<number> {
    this.signals.push(req.signal)
    return new Promise((resolve) => {
      this.answer = resolve
    })
  }
}

const SIGNALLED = `import os, signal, sys, time
for s in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH): signal.signal(s, lambda *_: None)
signal.siginterrupt(signal.SIGURG, True)
print('started', flush=True)
try: os.stat(sys.argv[1])
except OSError as e: print(os.strerror(e.errno), flush=True)
`

async function stuck(t: Parameters<typeof served>[0], own: Options = {}) {
  const fs = new Forever()
  const place = await served(t, fs, own)
  const caller = new Program('python3', ['-c', SIGNALLED, `${place.dir}/x`])
  await until(() => fs.signals.length === 1, 'the lookup')
  return { fs, caller, ...place }
}

test('Ctrl-C frees the caller, aborts the signal, and the mount goes on', options, async (t) => {
  const { caller, fs, mount } = await stuck(t, { interruptGrace: 0.2 })
  caller.kill('SIGINT')
  assert.notEqual(await caller.ended, 0)
  assert.equal(fs.signals[0]!.aborted, true)
  assert.equal(mount.stats().interrupts, 1)
  fs.answer(-2)
})

test('a handler that heeds the signal answers for itself', options, async (t) => {
  const { caller, fs } = await stuck(t, { interruptGrace: 20 })
  fs.signals[0]!.addEventListener('abort', () => fs.answer(-5))
  caller.kill('SIGINT')
  assert.notEqual(await caller.ended, 0)
})

test('SIGKILL frees the caller at once', options, async (t) => {
  const { caller, fs } = await stuck(t, { interruptGrace: 3600 })
  caller.kill('SIGKILL')
  assert.equal(await caller.ended, 'SIGKILL')
  assert.equal(fs.signals[0]!.aborted, true)
})

test('SIGCHLD, SIGURG and SIGWINCH interrupt nothing; SIGKILL after them does', options, async (t) => {
  const { caller, fs, mount } = await stuck(t, { interruptGrace: 0 })
  for (const signal of ['SIGCHLD', 'SIGURG', 'SIGWINCH'] as const) caller.kill(signal)
  await until(() => mount.stats().interrupts === 1, 'the INTERRUPT')
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal(fs.signals[0]!.aborted, false)
  caller.kill('SIGKILL')
  assert.equal(await caller.ended, 'SIGKILL')
})

test('after a harmless signal the answer still arrives', options, async (t) => {
  const { caller, fs, mount } = await stuck(t, { interruptGrace: 0 })
  caller.kill('SIGURG')
  await until(() => mount.stats().interrupts === 1, 'the INTERRUPT')
  await new Promise((resolve) => setTimeout(resolve, 100))
  fs.answer(-2)
  await caller.ended
  assert.match(caller.stdout, /No such file/)
})

test('a thousand stuck callers are all freed by an unmount with force', options, async (t) => {
  const { fs, mount, dir, room, caller } = await stuck(t, { maxInFlight: 100 })
  // Lookups in one directory wait for each other in the kernel only when the name is the same.
  const many = new Program(
    'bash',
    ['-c', `for i in $(seq 200); do stat "$M/n$i" 2> /dev/null & done; wait; echo all`],
    { M: dir },
  )
  await until(() => mount.stats().queued > 0, 'a queue')
  await mount.unmount({ force: true })
  assert.equal(await many.ended, 0)
  assert.match(many.stdout, /all/)
  assert.notEqual(fs.signals.length, 0)
  assert.deepEqual(room.mounted(), [])
  await caller.ended
})
