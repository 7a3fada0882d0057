// How a test run is shown: node:test's `spec` reporter on a terminal, one line for each file elsewhere.
import { once } from 'node:events'
import { spec as Spec } from 'node:test/reporters'
import { briefFile } from './reporter.mjs'

/** @typedef {import('./run.mjs').TestEvent} TestEvent */
/**
 * @typedef {object} Output
 * @property {(text: string) => void} note a line outside the tests
 * @property {(file: string, events: TestEvent[], milliseconds: number) => void} file what one file's run reported
 * @property {(lines: string[]) => Promise<void>} end the closing lines
 */

/** @returns {Output} */
export function briefOutput() {
  return {
    note: (text) => console.log(`# ${text}`),
    file: (file, events, milliseconds) => console.log(briefFile(file, events, milliseconds).join('\n')),
    end: async (lines) => console.log(lines.map((line) => `# ${line}`).join('\n')),
  }
}

/** @returns {Output} */
export function specOutput() {
  const reporter = new Spec()
  reporter.pipe(process.stdout, { end: false })
  const write = (/** @type {string} */ type, /** @type {object} */ data) => reporter.write({ type, data })
  return {
    note: (text) => write('test:diagnostic', { nesting: 0, message: text }),
    file: (_, events) => {
      for (const event of events) reporter.write(event)
    },
    end: async (lines) => {
      for (const message of lines) write('test:diagnostic', { nesting: 0, message })
      // Node.js 22 and newer list the failures again when the summary comes, older ones when the stream ends.
      write('test:summary', { success: false, counts: {}, duration_ms: 0 })
      reporter.end()
      await once(reporter, 'end')
    },
  }
}
