import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mount, mount, type Options, type PassthroughOptions, passthrough } from '../../src/index.js'

/** No call on a mount may hang a test: after this many milliseconds its process is killed. */
const LIMIT = 60_000

export const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

/** Why tests of a root server cannot run here. */
export function blocker(...programs: string[]): string | false {
  if (process.getuid?.() !== 0) return 'acting as other users needs root'
  if (!existsSync('/dev/fuse')) return '/dev/fuse is missing'
  const missing = programs.filter((program) => !has(program))
  return missing.length > 0 && `missing: ${missing.join(', ')}`
}

/** What a shell script printed (both streams), and its exit code. It changes its directory itself. */
export function shell(script: string, variables: Record<string, string> = {}): Promise<string> {
  // Sanitizers that are loaded into this process are not for the programs that it runs.
  const { LD_PRELOAD: _preload, FUSEWIRE_ADDON: _addon, ...inherited } = process.env
  const env = { ...inherited, LC_ALL: 'C', ...variables }
  return new Promise((resolve) => {
    const options = { timeout: LIMIT, killSignal: 'SIGKILL' as const, env, maxBuffer: 64 << 20, cwd: '/' }
    execFile('bash', ['-c', `exec 2>&1\n${script}`], options, (error, stdout) => {
      resolve(error === null ? stdout : `${stdout}exit ${String(error.code ?? error.signal)}\n`)
    })
  })
}

/** A directory, its mount, and a plain directory beside them to compare with. */
export class Place {
  readonly base: string
  mounted: Mount | null = null
  #cases = 0

  private constructor(base: string) {
    this.base = base
  }

  static async make(options: Options = {}, own: PassthroughOptions = {}): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), 'fusewire-pass-')))
    await chmod(place.base, 0o755)
    for (const name of ['plain', 'source', 'mount']) await mkdir(place.path(name))
    place.mounted = await mount(place.path('mount'), passthrough(place.path('source'), own), {
      allowOther: true,
      nosuid: false,
      nodev: false,
      ...options,
    })
    return place
  }

  path(...names: string[]): string {
    return join(this.base, ...names)
  }

  /** Runs the script in a new directory of the plain one and of the mount: it must print the same. */
  async same(script: string): Promise<string> {
    const own = `case${++this.#cases}`
    const inside = (dir: string): Promise<string> =>
      shell(`mkdir "$D"; cd "$D"\n${script}`, { D: join(dir, own) })
    const expected = await inside(this.path('plain'))
    const found = await inside(this.path('mount'))
    const neutral = (text: string): string => text.replaceAll(this.path('mount'), this.path('plain'))
    assert.equal(neutral(found), expected)
    return expected
  }

  async close(): Promise<void> {
    await this.mounted?.[Symbol.asyncDispose]()
    await rm(this.base, { recursive: true, force: true })
  }
}
