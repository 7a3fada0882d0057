// A reporter for node:test whose output is read in logs: one line for each file, every skip with its reason, every
// failure in full, and node:test's own counts at the end.
import { relative } from 'node:path'
import { inspect } from 'node:util'
import { ROOT } from './paths.mjs'

const INDENT = '    '

/**
 * One file's events in, its lines out.
 * @param {string} file from ROOT
 * @param {import('./run.mjs').TestEvent[]} events
 * @param {number} milliseconds
 */
export function briefFile(file, events, milliseconds) {
  let passed = 0
  let failed = 0
  /** @type {string[]} */
  const lines = []
  for (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') lines.push(data.message.replace(/\n$/, ''))
    else if (type === 'test:diagnostic') lines.push(`${INDENT}# ${data.message}`)
    else if (type === 'test:pass' || type === 'test:fail') {
      const exception = data.skip !== undefined ? 'skip' : data.todo !== undefined ? 'todo' : null
      if (exception !== null) {
        const reason = typeof data[exception] === 'string' ? data[exception] : 'no reason given'
        lines.push(`${INDENT}${exception}: ${data.name}: ${reason}`)
      } else if (type === 'test:fail') {
        // A suite fails because a test in it failed: that one is reported.
        if (data.details.error?.failureType === 'subtestsFailed') continue
        failed++
        lines.push(...failure(data))
      } else if (data.details.type !== 'suite') passed++
    }
  }
  const counts = failed > 0 ? `${passed} passed, ${failed} failed` : `${passed} passed`
  return [
    `${failed > 0 ? 'not ok' : 'ok'} ${file} (${counts}, ${(milliseconds / 1000).toFixed(1)} s)`,
    ...lines,
  ]
}

/** A failure's text is cut in its middle after this many lines: a property test can list hundreds of examples. */
const LINES_MAX = 80

/** @param {import('./run.mjs').TestEvent['data']} data */
function failure(data) {
  const where = data.line === undefined ? '' : ` (${relative(ROOT, data.file)}:${data.line}:${data.column})`
  if (data.details.error?.failureType === 'cancelledByParent')
    return [`${INDENT}CANCELLED: ${data.name}${where}`]
  const text = inspect(data.details.error?.cause ?? data.details.error, { depth: 8 }).split('\n')
  if (text.length > LINES_MAX) {
    const half = LINES_MAX / 2
    text.splice(
      half,
      text.length - LINES_MAX,
      `... ${text.length - LINES_MAX} lines, see them with --spec ...`,
    )
  }
  return [`${INDENT}FAILED: ${data.name}${where}`, ...text.map((line) => `${INDENT}${INDENT}${line}`)]
}
