// Which test file belongs to which ring, and which rings this machine can run.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { missingPrograms, mountBlocker } from './machine.mjs'
import { die, PACKAGES, ROOT } from './paths.mjs'

/**
 * The rings in the order in which they run. A test file belongs to the first ring whose folder is part of its path, or
 * else to `unit`. `quick` rings run everywhere in seconds; `mounts` rings need a kernel that lets us mount. A file that
 * takes longer than `limit` minutes is ended and has failed.
 */
export const RINGS = [
  { name: 'unit', folder: null, quick: true, mounts: false, limit: 2, about: 'no kernel' },
  { name: 'simulated', folder: 'simulated', quick: true, mounts: false, limit: 3, about: 'kernel simulator' },
  { name: 'mounted', folder: 'mounted', quick: false, mounts: true, limit: 5, about: 'real kernel' },
  { name: 'foreign', folder: 'foreign', quick: false, mounts: true, limit: 10, about: 'programs by others' },
  { name: 'packaging', folder: 'packaging', quick: false, mounts: false, limit: 5, about: 'packed packages' },
  { name: 'long', folder: 'long', quick: false, mounts: true, limit: 60, about: 'minutes each' },
]

/** @typedef {(typeof RINGS)[number]} Ring */
/** @typedef {{ ring: Ring, files: string[], skip: string | null }} Round  files: compiled tests, from ROOT */

/** The ring of a test file, given by its path below the package's test folder. */
function ringOf(/** @type {string} */ path) {
  const folders = path.split('/').slice(0, -1)
  const named = [...RINGS].reverse().find(({ folder }) => folder !== null && folders.includes(folder))
  return /** @type {Ring} */ (named ?? RINGS[0])
}

/** Every test of the repository as [ring, compiled file]; ends the script when one was not compiled. */
function allTests() {
  /** @type {[Ring, string][]} */
  const tests = []
  for (const name of PACKAGES) {
    const source = join('packages', name, 'test')
    if (!existsSync(join(ROOT, source))) continue
    for (const entry of readdirSync(join(ROOT, source), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!entry.endsWith('.test.ts')) continue
      const compiled = join('packages', name, 'dist', 'test', entry.replace(/ts$/, 'js'))
      if (!existsSync(join(ROOT, compiled))) die(`${join(source, entry)} is not compiled: run npm run build`)
      tests.push([ringOf(entry), compiled])
    }
  }
  return tests
}

/**
 * What to run.
 * @param {'quick' | 'all' | 'long'} which
 * @param {string[]} filters parts of paths; none means every file. A filter reaches the files of every ring.
 * @returns {Round[]}
 */
export function plan(which, filters) {
  const tests = allTests().filter(
    ([, file]) => filters.length === 0 || filters.some((part) => matches(file, part)),
  )
  if (filters.length > 0 && tests.length === 0) die(`no test file matches ${filters.join(' or ')}`)
  /** @type {string | null | undefined} */
  let blocker
  const rounds = []
  for (const ring of RINGS) {
    const files = tests.filter(([of]) => of === ring).map(([, file]) => file)
    if (files.length === 0) continue
    if (filters.length === 0 && which === 'quick' && !ring.quick) continue
    if (filters.length === 0 && which === 'long' && ring.name !== 'long') continue
    if (filters.length === 0 && which === 'all' && ring.name === 'long') {
      rounds.push({ ring, files, skip: 'it takes minutes: npm run test:long' })
      continue
    }
    if (ring.mounts && blocker === undefined) blocker = mountBlocker()
    rounds.push({ ring, files, skip: ring.mounts ? (blocker ?? null) : null })
  }
  return rounds
}

/** A filter may name the source file or the compiled one, or be any part of either path. */
function matches(/** @type {string} */ file, /** @type {string} */ part) {
  const source = file.replace('/dist/test/', '/test/').replace(/js$/, 'ts')
  const wanted = part.replace(/^\.\//, '')
  return file.includes(wanted) || source.includes(wanted)
}

/** The lines that say what is left out on this machine, and the cure. */
export function skipNotes(/** @type {Round[]} */ rounds) {
  const notes = rounds
    .filter(({ skip }) => skip !== null)
    .map(({ ring, files, skip }) => `ring ${ring.name} skipped (${files.length} files): ${skip}`)
  const missing = missingPrograms()
  if (
    rounds.some(({ ring, skip }) => skip === null && (ring.name === 'foreign' || ring.mounts)) &&
    missing.length > 0
  ) {
    const programs = missing.map(([program]) => program).join(', ')
    const packages = [...new Set(missing.map(([, name]) => name))].join(' ')
    notes.push(`tests that use ${programs} are skipped: sudo apt-get install ${packages}`)
  }
  return notes
}
