// What the user's own files do wrong is not a defect of fusewire: code 1 or 2 and a sentence, never silence.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'fusewire-module-'))
after(() => rmSync(folder, { recursive: true }))

/** Mounts on a directory that does not exist, so that nothing is ever mounted. */
function mount(...words: string[]): { code: number | null; said: string } {
  const args = [MAIN, 'mount', ...words, join(folder, 'missing')]
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
  return { code: status, said: stderr }
}

const cases: [title: string, name: string, text: string, code: number, said: RegExp][] = [
  [
    'throws',
    'throws.mjs',
    "throw new Error('at import')",
    1,
    /throws\.mjs cannot be loaded: at import; mend/,
  ],
  ['throws null', 'null.mjs', 'throw null', 1, /null\.mjs cannot be loaded: null/],
  ['is no JavaScript', 'syntax.mjs', 'no javascript', 1, /syntax\.mjs cannot be loaded: Unexpected/],
  ['throws when called', 'called.mjs', "export default () => { throw 'no' }", 1, /cannot be loaded: no;/],
  [
    'needs what is not there',
    'needs.mjs',
    "import 'none-such'",
    1,
    /cannot be loaded: .*none-such.*installed/,
  ],
  ['never loads', 'never.mjs', 'await new Promise(() => {})', 13, /never\.mjs never finished loading/],
  ['never answers', 'silent.mjs', 'export default () => new Promise(() => {})', 13, /never finished loading/],
  [
    'is too deep',
    'deep.json',
    `${'{"a":'.repeat(9999)}"x"${'}'.repeat(9999)}`,
    2,
    /more than 2048 directories/,
  ],
]

describe('a tree whose file', () => {
  for (const [title, name, text, code, said] of cases) {
    test(title, () => {
      const path = join(folder, name)
      writeFileSync(path, text)
      const outcome = mount('tree', path)
      assert.match(outcome.said, said)
      assert.equal(outcome.code, code)
    })
  }
})

test('sizes and numbers that no memory filesystem can have', () => {
  for (const words of [
    ['--size', '99999999999999999999G'],
    ['--size', 'large'],
    ['--inodes', '0'],
  ]) {
    const { code, said } = mount('memory', ...words)
    assert.match(said, /^fusewire: memory\(\): (size|inodes) is .*; give/)
    assert.equal(code, 2)
  }
})
