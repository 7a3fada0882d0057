// Runs test files with node:test, each in its own process, and adds up node:test's counts.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from 'node:test'
import { ROOT } from './paths.mjs'

/** @typedef {{ type: string, data: Record<string, any> }} TestEvent */

/** The counts that node:test prints at the end of a run, in its order. */
const COUNTS = ['tests', 'suites', 'pass', 'fail', 'cancelled', 'skipped', 'todo']

/** Adds up what node:test counts in each file, as it would for one run over all of them. */
export class Counts {
  #started = performance.now()
  #counts = new Map(COUNTS.map((name) => [name, 0]))

  /** Takes a closing event of one file's run; false for every other event. */
  take(/** @type {TestEvent} */ { type, data }) {
    // Events of tests name their file; those of the run do not.
    if (data.file !== undefined) return false
    if (type === 'test:diagnostic') {
      const [, name, value] = /^(\w+) ([\d.]+)$/.exec(data.message) ?? []
      const sum = name === undefined ? undefined : this.#counts.get(name)
      if (name !== undefined && sum !== undefined) this.#counts.set(name, sum + Number(value))
      return name !== undefined
    }
    return type === 'test:summary' || (type === 'test:plan' && data.nesting === 0)
  }

  get failed() {
    return (this.#counts.get('fail') ?? 0) + (this.#counts.get('cancelled') ?? 0)
  }

  /** The summary's lines, as node:test words them. */
  lines() {
    const duration = performance.now() - this.#started
    return [...[...this.#counts].map(([name, sum]) => `${name} ${sum}`), `duration_ms ${duration.toFixed(3)}`]
  }
}

/**
 * Runs files, at most `width` at a time, and hands over each file's events when it has ended.
 * @param {string[]} files from ROOT
 * @param {{ width: number, minutes: number, counts: Counts, done: (file: string, events: TestEvent[], milliseconds: number) => void }} options
 */
export async function runFiles(files, { width, minutes, counts, done }) {
  const queue = [...files]
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const started = performance.now()
      const events = []
      for await (const event of run({ files: [join(ROOT, file)], timeout: minutes * 60_000 })) {
        if (!counts.take(event)) events.push(event)
      }
      done(file, events, performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** Ends the processes that this one started and that are still there: tests that ran out of time. Returns how many. */
export function endChildren() {
  let list = ''
  try {
    list = readFileSync('/proc/thread-self/children', 'utf8')
  } catch {}
  const pids = list.split(' ').filter(Boolean).map(Number)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {}
  }
  return pids.length
}
