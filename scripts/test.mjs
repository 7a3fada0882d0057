// Runs the tests with node:test, ring after ring, and prints one summary:
//   node scripts/test.mjs all|quick|long [--spec|--brief] [part of a test file's path]...
// `all` and `long` first install and build what is missing; `quick` runs what was built.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildAll } from './build.mjs'
import { fuseMountsBelow } from './lib/machine.mjs'
import { briefOutput, specOutput } from './lib/output.mjs'
import { die, ROOT } from './lib/paths.mjs'
import { checkNode, ensureModules } from './lib/prepare.mjs'
import { plan, skipNotes } from './lib/rings.mjs'
import { Counts, endChildren, runFiles } from './lib/run.mjs'

/** Files of the unit, simulated and mounted rings run side by side, at most this many. */
const WIDTH_MAX = 4

function parseArguments() {
  const words = process.argv.slice(2)
  const flags = words.filter((word) => word.startsWith('-'))
  const [set = 'all', ...filters] = words.filter((word) => !word.startsWith('-'))
  for (const flag of flags) {
    if (flag !== '--spec' && flag !== '--brief') die(`unknown option ${flag}: --spec or --brief`)
  }
  if (set !== 'all' && set !== 'quick' && set !== 'long')
    die(`unknown set of tests ${set}: all, quick or long`)
  const spec = flags.includes('--spec') || (process.stdout.isTTY && !flags.includes('--brief'))
  return { set: /** @type {'all' | 'quick' | 'long'} */ (set), filters, spec }
}

/** One folder for all that tests write, so that what they leave behind is seen. */
function makeScratch() {
  const folder = mkdtempSync(join(tmpdir(), 'fw-'))
  // Tests that act as another user must reach their files in it.
  chmodSync(folder, 0o755)
  process.env.TMPDIR = folder
  return folder
}

/** Detaches mounts that tests left, then removes the folder; a folder with a mount in it stays. */
function clearScratch(/** @type {string} */ folder) {
  const left = process.platform === 'linux' ? fuseMountsBelow(folder) : []
  for (const point of left.reverse()) {
    if (spawnSync('umount', ['-l', point], { timeout: 10_000 }).status === 0) continue
    spawnSync('fusermount3', ['-u', '-z', '--', point], { timeout: 10_000 })
  }
  if (process.platform !== 'linux' || fuseMountsBelow(folder).length === 0) {
    rmSync(folder, { recursive: true, force: true })
  }
  return left
}

checkNode()
const { set, filters, spec } = parseArguments()
process.chdir(ROOT)
if (set !== 'quick') {
  ensureModules()
  buildAll()
}
const scratch = makeScratch()
const rounds = plan(set, filters)
const output = spec ? specOutput() : briefOutput()
const counts = new Counts()
/** @type {string[]} */
const failed = []
for (const { ring, files, skip } of rounds) {
  if (skip !== null) continue
  output.note(`ring ${ring.name}: ${files.length} files (${ring.about})`)
  const alone = ring.name === 'foreign' || ring.name === 'packaging' || ring.name === 'long'
  const width = alone ? 1 : Math.min(WIDTH_MAX, availableParallelism())
  await runFiles(files, {
    width,
    minutes: ring.limit,
    counts,
    done: (file, events, milliseconds) => {
      if (events.some(({ type, data }) => type === 'test:fail' && data.todo === undefined)) failed.push(file)
      output.file(file, events, milliseconds)
    },
  })
}
const ended = endChildren()
if (ended > 0) output.note(`${ended} test processes were still running and were ended`)
const left = clearScratch(scratch)
for (const point of left) output.note(`FAILED: a test left a mount behind: ${point}`)
for (const note of skipNotes(rounds)) output.note(note)
for (const file of failed) output.note(`not ok: ${file}`)
await output.end(counts.lines())
process.exit(counts.failed > 0 || left.length > 0 ? 1 : 0)
