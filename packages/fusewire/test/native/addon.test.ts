import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import loader from '../../src/native/addon.cjs'

const DIST = fileURLToPath(new URL('../../', import.meta.url))
const BINARY = fileURLToPath(new URL('../../../native/build/Release/fusewire.node', import.meta.url))
const PLATFORM = `@fusewire/native-linux-${process.arch}-${loader.libc()}`

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'fusewire-addon-')))
  const own = join(root, 'node_modules/fusewire')
  for (const [kind, type] of [
    ['src', 'module'],
    ['cjs', 'commonjs'],
  ]) {
    cpSync(join(DIST, `${kind}/native`), join(own, `dist/${kind}/native`), { recursive: true })
    writeFileSync(join(own, `dist/${kind}/package.json`), JSON.stringify({ type }))
  }
  writeFileSync(
    join(own, 'package.json'),
    JSON.stringify({ name: 'fusewire', version: '1.2.3', type: 'module' }),
  )
})
afterEach(() => rmSync(root, { recursive: true }))

/** An installed binary package of this platform. */
function install(version: string, binary: string | null): void {
  const dir = join(root, 'node_modules', PLATFORM)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: PLATFORM, version, main: 'fusewire.node' }))
  if (binary === null) writeFileSync(join(dir, 'fusewire.node'), 'no ELF file')
  else cpSync(binary, join(dir, 'fusewire.node'))
}

function build(): void {
  const dir = join(root, 'node_modules/fusewire/native/build/Release')
  mkdirSync(dir, { recursive: true })
  cpSync(BINARY, join(dir, 'fusewire.node'))
}

/** Loads the addon in a fresh Node; prints the path of the mapped binary, or the error. */
function load(kind: 'esm' | 'cjs', env: NodeJS.ProcessEnv = {}): string {
  const report = `
    try {
      deviceCalls()
      const maps = fs.readFileSync('/proc/self/maps', 'utf8')
      console.log(/\\S*fusewire[^/\\s]*\\.node$/m.exec(maps)[0])
    } catch (error) {
      console.log(error.code + ' ' + error.message)
    }`
  const dev = (dir: string) => join(root, 'node_modules/fusewire/dist', dir, 'native/dev.js')
  const text =
    kind === 'esm'
      ? `import fs from 'node:fs'\nimport { deviceCalls } from ${JSON.stringify(dev('src'))}\n${report}`
      : `const fs = require('node:fs')\nconst { deviceCalls } = require(${JSON.stringify(dev('cjs'))})\n${report}`
  const { FUSEWIRE_ADDON: _, ...inherited } = process.env
  const args = [kind === 'esm' ? '--input-type=module' : '--input-type=commonjs', '-e', text]
  const child = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...inherited, ...env },
    timeout: 30_000,
  })
  assert.equal(child.stderr, '')
  return child.stdout.trim()
}

test('the binary package comes first, then the build of the repository, for ESM and CommonJS alike', () => {
  for (const kind of ['esm', 'cjs'] as const) {
    rmSync(join(root, 'node_modules/@fusewire'), { recursive: true, force: true })
    build()
    assert.equal(load(kind), join(root, 'node_modules/fusewire/native/build/Release/fusewire.node'))
    install('1.2.3', BINARY)
    assert.equal(load(kind), join(root, 'node_modules', PLATFORM, 'fusewire.node'))
  }
})

test('FUSEWIRE_ADDON names the only binary that is tried', () => {
  install('1.2.3', BINARY)
  const other = join(root, 'fusewire-other.node')
  cpSync(BINARY, other)
  assert.equal(load('esm', { FUSEWIRE_ADDON: other }), other)
  const missing = load('esm', { FUSEWIRE_ADDON: join(root, 'missing.node') })
  assert.match(missing, /^ERR_FUSEWIRE_ADDON /)
  assert.match(missing, /missing\.node: Cannot find module/)
  assert.doesNotMatch(missing, new RegExp(`${PLATFORM}:`))
})

test('without any binary the error says what was tried, why it failed, and the cure', () => {
  const text = load('esm')
  assert.match(text, /^ERR_FUSEWIRE_ADDON fusewire's native addon could not be loaded. Tried:/)
  assert.match(text, new RegExp(`^  ${PLATFORM}: Cannot find module`, 'm'))
  assert.match(text, /^ {2}\/.*native\/build\/Release\/fusewire\.node: Cannot find module/m)
  assert.match(text, new RegExp(`npm install ${PLATFORM}`))
  assert.match(text, /npm run build:native/)
})

test('a binary of another release, or a broken one, is passed over with its reason', () => {
  install('1.2.4', BINARY)
  assert.match(load('cjs'), new RegExp(`${PLATFORM}: its version is 1.2.4, fusewire's is 1.2.3`))
  install('1.2.3', null)
  assert.match(load('esm'), new RegExp(`${PLATFORM}: .*(invalid ELF header|file too short)`))
  build()
  assert.equal(load('esm'), join(root, 'node_modules/fusewire/native/build/Release/fusewire.node'))
})
