// Packs the packages, installs the tarballs into an empty folder without network and without install scripts, and uses
// them there as their users do: from ESM, from CommonJS, from TypeScript, from the command line.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../../../../..')
/** A user's program mounts, reads and unmounts within this many milliseconds. */
const PROGRAM_TIMEOUT = 60_000

const { mountBlocker } = (await import(pathToFileURL(join(ROOT, 'scripts/lib/machine.mjs')).href)) as {
  mountBlocker: () => string | null
}

/** Mounts hello on the folder of its first argument, lets cat read it, and prints what cat saw. */
const HELLO = `
async function main() {
  const mounted = await mount(process.argv[2], tree({ hello: 'hello from a package\\n' }))
  try {
    const { stdout } = await promisify(execFile)('cat', [join(process.argv[2], 'hello')], { timeout: 20000 })
    process.stdout.write(stdout)
  } finally {
    await mounted.unmount()
  }
}
main()
`

const PROGRAMS = {
  'hello.mjs': `
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mount, tree } from 'fusewire'
${HELLO}`,
  'hello.cjs': `
const { execFile } = require('node:child_process')
const { join } = require('node:path')
const { promisify } = require('node:util')
const { mount, tree } = require('fusewire')
${HELLO}`,
}

/** Compiled with skipLibCheck off: the packages' own declarations must be sound in both module systems. */
const TYPED = `
import { mount, tree, type Mount } from 'fusewire'
import * as testing from 'fusewire/testing'
export const mounted: Promise<Mount> = mount('mnt', tree({ hello: 'hello' }))
export const tools: object = testing
// @ts-expect-error a number is no mount point
export const wrong = mount(1, tree({}))
`

suite('packed packages', () => {
  let folder = ''

  function run(command: string, args: readonly string[]) {
    const result = spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: PROGRAM_TIMEOUT })
    assert.equal(result.status, 0, `${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`)
    return result.stdout
  }

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fusewire-install-'))
    const tarballs = join(folder, 'packed')
    run(process.execPath, [join(ROOT, 'scripts/pack.mjs'), '--host', '--out', tarballs])
    writeFileSync(join(folder, 'package.json'), '{ "private": true }')
    const files = readdirSync(tarballs).map((name) => join(tarballs, name))
    run('npm', ['install', '--ignore-scripts', '--offline', '--no-audit', '--no-fund', ...files])
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const skip = mountBlocker() ?? false
  for (const [name, text] of Object.entries(PROGRAMS)) {
    test(`${name} mounts hello`, { skip }, () => {
      const dir = join(folder, `mnt-${name}`)
      mkdirSync(dir)
      writeFileSync(join(folder, name), text)
      assert.equal(run(process.execPath, [name, dir]), 'hello from a package\n')
      // Nothing stays mounted: the folder is the empty one of before.
      assert.deepEqual(readdirSync(dir), [])
    })
  }

  test('the declarations compile in ESM and in CommonJS', () => {
    for (const name of ['typed.mts', 'typed.cts']) writeFileSync(join(folder, name), TYPED)
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      strict: true,
      noEmit: true,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    }
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['typed.mts', 'typed.cts'] }),
    )
    run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.'])
  })

  test('the command is installed', () => {
    assert.match(run(join(folder, 'node_modules/.bin/fusewire'), ['--version']), /^\d+\.\d+\.\d+\n$/)
  })
})
