import { describe, test } from 'node:test'
import { Bench, type Capabilities, type Case, type Place } from './case.js'
import { attributeCases } from './cases-attributes.js'
import { dataCases } from './cases-data.js'
import { directoryCases } from './cases-directory.js'
import { entryCases } from './cases-entries.js'
import { errorCases } from './cases-errors.js'
import { linkCases } from './cases-links.js'
import { lockCases } from './cases-locks.js'
import { openCases } from './cases-open.js'
import { permissionCases } from './cases-permissions.js'
import { renameCases } from './cases-rename.js'
import { spaceCases } from './cases-space.js'
import { specialCases } from './cases-special.js'
import { xattrCases } from './cases-xattr.js'
import { removeTree } from './remove-tree.js'

/** Every case of the suite. */
export const CASES: readonly Case[] = [
  ...errorCases,
  ...entryCases,
  ...openCases,
  ...dataCases,
  ...spaceCases,
  ...directoryCases,
  ...renameCases,
  ...linkCases,
  ...attributeCases,
  ...permissionCases,
  ...specialCases,
  ...xattrCases,
  ...lockCases,
]

/** No case takes longer than this many milliseconds. */
const CASE_MS = 30_000

/** Why a case cannot run on a target with these capabilities; null when it can. */
export function missing({ needs }: Case, capabilities: Capabilities): string | null {
  for (const need of needs) {
    const has = capabilities[need]
    if (has !== true) return `${need}: ${has ?? 'not offered'}`
  }
  return null
}

/** What became of one case. */
export interface Outcome {
  readonly case: Case
  readonly result: 'passed' | 'failed' | 'skipped'
  /** Why it was skipped, or what went wrong. */
  readonly reason: string | null
}

let directories = 0

/** Runs one case in a directory of its own, which is removed afterwards. */
async function runCase(place: Place, one: Case): Promise<void> {
  const directory = `${place.directory}/case-${++directories}`
  await place.fs.mkdir(directory)
  try {
    await one.run(new Bench(place, directory))
  } finally {
    await removeTree(place.fs, directory)
  }
}

/** Runs the cases one after the other and tells what became of each, for programs that judge the suite itself. */
export async function runConformance(
  place: Place,
  capabilities: Capabilities,
  only: (one: Case) => boolean = () => true,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const one of CASES.filter(only)) {
    const reason = missing(one, capabilities)
    if (reason !== null) outcomes.push({ case: one, result: 'skipped', reason })
    else {
      try {
        await runCase(place, one)
        outcomes.push({ case: one, result: 'passed', reason: null })
      } catch (error) {
        outcomes.push({
          case: one,
          result: 'failed',
          reason: error instanceof Error ? error.message : String(error),
        })
      }
    }
  }
  return outcomes
}

/**
 * The conformance suite, as tests of node:test: what POSIX and Linux promise of a filesystem, against any object in the
 * shape of `node:fs/promises`. A case whose capability is missing is skipped and says why.
 *
 * ```ts
 * conformance('my filesystem', async () => {
 *   const sim = await simulate(new MyFileSystem())
 *   return { fs: sim.fs, posix: sim.fs, directory: '', close: () => sim.unmount() }
 * }, { posix: true, symlinks: true, hardLinks: 'it has no inodes' })
 * ```
 */
export function conformance(name: string, open: () => Promise<Place>, capabilities: Capabilities): void {
  describe(`conformance of ${name}`, async () => {
    let place: Promise<Place> | undefined
    const groups = new Map<string, Case[]>()
    for (const one of CASES) groups.set(one.group, [...(groups.get(one.group) ?? []), one])
    for (const [title, cases] of groups) {
      describe(title, () => {
        for (const one of cases) {
          test(one.name, { skip: missing(one, capabilities) ?? false, timeout: CASE_MS }, async () => {
            place ??= open()
            await runCase(await place, one)
          })
        }
      })
    }
    test('the filesystem ends well', { timeout: CASE_MS }, async () => {
      place ??= open()
      await (await place).close()
    })
  })
}
