// Each import rule of .dependency-cruiser.mjs is broken here once, as a value import or as a type import.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'

const ROOT = join(import.meta.dirname, '../../../../..')
const CONFIG = join(ROOT, '.dependency-cruiser.mjs')
const FUSEWIRE = 'packages/fusewire/src'

interface Violation {
  readonly rule: { readonly name: string }
  readonly from: string
}

/** [rule that must fail, file, what it says]; every file imports something that exists. */
const BROKEN: readonly [rule: string, file: string, text: string][] = [
  ['abi-imports', `${FUSEWIRE}/abi/a.ts`, `import type { X } from '../api/leaf.js'\nexport type A = X`],
  ['native-imports', `${FUSEWIRE}/native/a.ts`, `export { x } from '../abi/leaf.js'`],
  [
    'transport-imports',
    `${FUSEWIRE}/transport/a.ts`,
    `import { x } from '../session/leaf.js'\nexport const a = x`,
  ],
  ['api-imports', `${FUSEWIRE}/api/a.ts`, `export type A = import('../session/leaf.js').X`],
  ['session-imports', `${FUSEWIRE}/session/a.ts`, `export * from '../native/leaf.js'`],
  ['fs-imports', `${FUSEWIRE}/fs/a.ts`, `import { type X } from '../session/leaf.js'\nexport type A = X`],
  ['mount-imports', `${FUSEWIRE}/mount/a.ts`, `export const a = await import('../transport/leaf.js')`],
  ['front-imports', `${FUSEWIRE}/front/a.ts`, `import '../fs/leaf.js'`],
  ['testing-imports', `${FUSEWIRE}/testing/a.ts`, `import '../mount/leaf.js'`],
  ['known-rooms', `${FUSEWIRE}/attic/a.ts`, `import '../abi/leaf.js'`],
  ['not-to-index', `${FUSEWIRE}/fs/b.ts`, `import type { X } from '../index.js'\nexport type B = X`],
  [
    'not-to-testing',
    `${FUSEWIRE}/index.ts`,
    `export * from './testing/leaf.js'\nexport * from './abi/leaf.js'`,
  ],
  [
    'abi-no-io',
    `${FUSEWIRE}/abi/b.ts`,
    `import { readFileSync } from 'node:fs'\nexport const b = readFileSync`,
  ],
  ['disk-alone', 'packages/disk/src/a.ts', `import type { X } from 'fusewire'\nexport type A = X`],
  ['not-to-cli', 'packages/disk/src/b.ts', `export * from '../../cli/src/leaf.js'`],
  ['no-dependencies', 'packages/cli/src/a.ts', `import fc from 'fast-check'\nexport const a = fc`],
  ['no-tests-in-src', 'packages/cli/src/b.ts', `export * from '../test/leaf.js'`],
  ['no-cycles', `${FUSEWIRE}/api/b.ts`, `import { c } from './c.js'\nexport const b = () => c()`],
  ['resolvable', 'packages/cli/src/c.ts', `import './missing.js'`],
]

/** What the files above import, and imports that are allowed. */
const SOUND: readonly [file: string, text: string][] = [
  ...['abi', 'native', 'transport', 'api', 'session', 'fs', 'mount', 'front', 'testing'].map(
    (room): [string, string] => [`${FUSEWIRE}/${room}/leaf.ts`, 'export const x = 1\nexport type X = 1'],
  ),
  [`${FUSEWIRE}/api/c.ts`, `import { b } from './b.js'\nexport const c = (): unknown => b()`],
  [`${FUSEWIRE}/api/d.ts`, `import { e } from './e.js'\nexport type D = 1\nexport const d = e`],
  [`${FUSEWIRE}/api/e.ts`, `import type { D } from './d.js'\nexport const e: D = 1`],
  [`${FUSEWIRE}/abi/errno.ts`, 'export const errno = {}'],
  [`${FUSEWIRE}/mount/sound.ts`, `import '../abi/errno.js'`],
  [
    `${FUSEWIRE}/transport/sound.ts`,
    `import fs from 'node:fs'\nimport '../abi/leaf.js'\nimport '../native/leaf.js'\nfs`,
  ],
  [
    `${FUSEWIRE}/session/sound.ts`,
    `import '../abi/leaf.js'\nimport '../api/leaf.js'\nimport '../transport/leaf.js'`,
  ],
  [`${FUSEWIRE}/fs/sound.ts`, `import '../api/leaf.js'\nimport '../native/leaf.js'\nimport './leaf.js'`],
  [`${FUSEWIRE}/native/addon.cts`, `const fs: typeof import('node:fs') = require('node:fs')\nfs`],
  [`${FUSEWIRE}/native/load.ts`, `import './addon.cjs'`],
  ['packages/cli/src/leaf.ts', 'export const x = 1'],
  ['packages/cli/test/leaf.ts', 'export const x = 1'],
  ['packages/cli/src/sound.ts', `import type { X } from 'fusewire'\nexport type A = X`],
  [
    'node_modules/fusewire/package.json',
    '{ "name": "fusewire", "version": "1.0.0", "exports": "./index.js" }',
  ],
  ['node_modules/fusewire/index.js', 'export {}'],
  [
    'node_modules/fast-check/package.json',
    '{ "name": "fast-check", "version": "1.0.0", "exports": "./index.js" }',
  ],
  ['node_modules/fast-check/index.js', 'export {}'],
  ['package.json', '{ "devDependencies": { "fast-check": "1" }, "dependencies": { "fusewire": "1" } }'],
]

suite('import rules', () => {
  let folder = ''
  let violations: readonly Violation[] = []

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fusewire-rules-'))
    for (const [file, text] of [
      ...BROKEN.map(([, file, text]): [string, string] => [file, text]),
      ...SOUND,
    ]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), `${text}\n`)
    }
    const cruise = spawnSync(
      process.execPath,
      [
        ...['--import', pathToFileURL(join(ROOT, 'scripts/lib/typescript-5.mjs')).href],
        join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
        ...['--config', CONFIG, '--output-type', 'json', 'packages'],
      ],
      { cwd: folder, encoding: 'utf8', timeout: 60_000 },
    )
    assert.equal(cruise.stderr, '')
    violations = (JSON.parse(cruise.stdout) as { summary: { violations: Violation[] } }).summary.violations
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const [rule, file] of BROKEN) {
    test(`${rule} fails on ${file}`, () => {
      const found = violations.filter(({ from }) => from === file).map(({ rule: { name } }) => name)
      assert.ok(found.includes(rule), `violations found: ${found.join(', ') || 'none'}`)
    })
  }

  test('nothing else fails', () => {
    const broken = new Set(BROKEN.map(([, file]) => file))
    // A cycle is reported at both of its ends.
    const others = violations.filter(({ from, rule }) => !broken.has(from) && rule.name !== 'no-cycles')
    assert.deepEqual(others, [])
  })

  test('each rule of the configuration is shown to fail', async () => {
    const { default: config } = (await import(pathToFileURL(CONFIG).href)) as {
      default: { forbidden: { name: string }[] }
    }
    const shown = new Set(BROKEN.map(([rule]) => rule))
    assert.deepEqual(
      config.forbidden.map(({ name }) => name).filter((name) => !shown.has(name)),
      [],
    )
  })

  test('each folder of src has its rule', async () => {
    const { MAY_IMPORT } = (await import(pathToFileURL(CONFIG).href)) as {
      MAY_IMPORT: Record<string, string[]>
    }
    const folders = readdirSync(join(ROOT, FUSEWIRE), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    )
    assert.deepEqual(
      folders.map(({ name }) => name).filter((name) => MAY_IMPORT[name] === undefined),
      [],
    )
  })
})
