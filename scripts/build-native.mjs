// Builds the addon with node-gyp when a source is newer than the binary: `node scripts/build-native.mjs [--force]`.
// On other systems than Linux it does nothing: what needs no kernel (abi, simulator) works without the addon.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const native = fileURLToPath(new URL('../packages/fusewire/native', import.meta.url))
const binary = join(native, 'build/Release/fusewire.node')

/** The headers that came with this Node, if complete; else node-gyp finds or downloads them. */
function nodeDir() {
  const dir = dirname(dirname(process.execPath))
  const version = join(dir, 'include/node/node_version.h')
  if (!existsSync(join(dir, 'include/node/config.gypi')) || !existsSync(version)) return []
  const text = readFileSync(version, 'utf8')
  const part = (name) => new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  return process.versions.node === `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`
    ? [`--nodedir=${dir}`]
    : []
}

function fresh() {
  if (!existsSync(binary)) return false
  const built = statSync(binary).mtimeMs
  return readdirSync(native)
    .filter((name) => /\.(c|h|gyp)$/.test(name))
    .every((name) => statSync(join(native, name)).mtimeMs < built)
}

function missingTools() {
  const packages = { cc: 'build-essential', make: 'build-essential', python3: 'python3' }
  return Object.keys(packages)
    .filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error)
    .map((tool) => `${tool} (Debian and Ubuntu: apt-get install ${packages[tool]})`)
}

if (process.platform !== 'linux' || (fresh() && !process.argv.includes('--force'))) process.exit(0)
const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
const run = spawnSync(process.execPath, [gyp, 'rebuild', '--silent', ...nodeDir()], {
  cwd: native,
  encoding: 'utf8',
  timeout: 300_000,
})
if (run.status !== 0) {
  process.stderr.write(`${run.stdout}${run.stderr}`)
  const missing = missingTools()
  console.error('The native addon could not be built (the compiler said why above).')
  if (missing.length > 0) console.error(`Missing on this machine: ${missing.join(', ')}`)
  process.exit(1)
}
