// A dead mount whose attributes the kernel still has: only the daemon itself can tell that it is dead.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { isStale, memory, mount, unmount } from '../../src/index.js'

const INDEX = new URL('../../src/index.js', import.meta.url).href
/** The memory filesystem lets the kernel keep attributes for good. */
const SERVER = `
  const { memory, mount } = await import('${INDEX}')
  await mount(process.argv[1], memory())
  process.send('ready')
`

it('a killed server is noticed although its attributes are cached, and replaceStale clears it', {
  timeout: 60_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'fusewire-stale-'))
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, dir], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  try {
    await once(child, 'message')
    assert.ok(statSync(dir).isDirectory())
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    assert.ok(statSync(dir).isDirectory(), 'the kernel answers for the dead server')
    assert.equal(await isStale(dir), true)
    const again = await mount(dir, memory(), { replaceStale: true })
    assert.equal(await isStale(dir), false)
    await again.unmount()
  } finally {
    child.kill('SIGKILL')
    await unmount(dir, { lazy: true }).catch(() => {})
    rmdirSync(dir)
  }
})
