// Each paragraph of docs/SEMANTICS.md names the tests that hold it: the files are there, and the titles are in them.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))
const TESTS = join(ROOT, 'packages', 'fusewire', 'test')
const page = readFileSync(join(ROOT, 'docs', 'SEMANTICS.md'), 'utf8')

/** Paragraphs that promise something: they begin in bold. */
const promises = page.split(/\n\n+/).filter((paragraph) => paragraph.startsWith('**'))
const REFERENCE = /([\w./-]+\.test\.ts):\s+"([^"]+)"/g

describe('docs/SEMANTICS.md', () => {
  it('promises something', () => assert.ok(promises.length > 15))

  for (const promise of promises) {
    const title = /^\*\*([^*]+)\*\*/.exec(promise)![1]!
    it(`"${title}" is held by tests`, () => {
      const references = [...promise.matchAll(REFERENCE)]
      assert.ok(references.length > 0, 'no test is named')
      for (const [, file, name] of references) {
        const path = join(TESTS, file!)
        assert.ok(existsSync(path), `${file} does not exist`)
        // A title may be broken over lines on the page, and be made of parts in the test.
        const words = name!.replace(/\s+/g, ' ')
        assert.ok(readFileSync(path, 'utf8').includes(words), `${file} has no test "${words}"`)
      }
    })
  }
})
