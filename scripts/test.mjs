// Runs test files with node:test: `node scripts/test.mjs quick|all [path filter]`.
// "quick" leaves out the mounted ring and everything under test/long.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const [ring = 'quick', filter = ''] = process.argv.slice(2)
const files = []
for (const name of readdirSync('packages')) {
  const root = join('packages', name, 'dist', 'test')
  let entries = []
  try {
    entries = readdirSync(root, { recursive: true })
  } catch {}
  for (const entry of entries) {
    if (!entry.endsWith('.test.js') || !join(root, entry).includes(filter)) continue
    if (ring === 'quick' && /(^|\/)(mounted|long)\//.test(entry)) continue
    files.push(join(root, entry))
  }
}
if (files.length === 0) {
  console.log('no test files')
  process.exit(0)
}
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-concurrency=2', ...files], { stdio: 'inherit' })
process.exit(run.status ?? 1)
