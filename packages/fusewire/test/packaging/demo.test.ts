// `npm run demo`, the first command that a newcomer types.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../../../../..')
const DEMO = join(ROOT, 'scripts/demo.mjs')
/** The demo takes a second where everything is built. */
const TIMEOUT = 120_000

const { mountBlocker, fuseMountsBelow } = (await import(
  pathToFileURL(join(ROOT, 'scripts/lib/machine.mjs')).href
)) as {
  mountBlocker: () => string | null
  fuseMountsBelow: (folder: string) => string[]
}
const skip = mountBlocker() ?? false

suite('npm run demo', { skip }, () => {
  test('mounts hello on ./mnt, shows it, unmounts it', () => {
    const demo = spawnSync(process.execPath, [DEMO], { encoding: 'utf8', timeout: TIMEOUT })
    assert.equal(demo.status, 0, demo.stdout + demo.stderr)
    assert.match(demo.stdout, /\$ ls -la mnt\n[\s\S]*-r--r--r--.* hello\n/)
    assert.match(demo.stdout, /\$ cat mnt\/hello\nhello from fusewire\n/)
    assert.deepEqual(fuseMountsBelow(join(ROOT, 'mnt')), [])
  })

  test('--keep serves until Ctrl-C', { timeout: TIMEOUT }, async () => {
    const demo = spawn(process.execPath, [DEMO, '--keep'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    for await (const text of demo.stdout) {
      output += text
      if (!output.includes('until Ctrl-C')) continue
      assert.equal(readFileSync(join(ROOT, 'mnt/hello'), 'utf8'), 'hello from fusewire\n')
      demo.kill('SIGINT')
      break
    }
    const [code] = demo.exitCode === null ? await once(demo, 'exit') : [demo.exitCode]
    assert.equal(code, 0, output)
    assert.deepEqual(fuseMountsBelow(join(ROOT, 'mnt')), [])
  })

  test('refuses words that it does not know', () => {
    const demo = spawnSync(process.execPath, [DEMO, '--kep'], { encoding: 'utf8', timeout: TIMEOUT })
    assert.equal(demo.status, 1)
    assert.match(demo.stderr, /unknown argument --kep/)
  })
})
