import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { DiskError } from '../../src/index.js'
import { BaseSource } from '../../src/source/base.js'

/** The environment in which tools of other projects run: found also in the system's folders, in English and UTC. */
const env = {
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  MTOOLS_SKIP_CHECK: '1',
}

export interface Ran {
  status: number | null
  out: string
}

/** Runs a tool, at most a minute; `out` is its standard output and error. */
export function run(tool: string, args: string[], input?: string | Uint8Array): Ran {
  const ran = spawnSync(tool, args, { env, timeout: 60_000, ...(input === undefined ? {} : { input }) })
  return { status: ran.status, out: `${ran.stdout ?? ''}${ran.stderr ?? ''}` }
}

/** As `run`, and a failure of the tool is an error that shows what it said. */
export function must(tool: string, args: string[], input?: string | Uint8Array): string {
  const ran = run(tool, args, input)
  if (ran.status !== 0) throw new Error(`${tool} ${args.join(' ')} ended with ${ran.status}: ${ran.out}`)
  return ran.out
}

/** False, or the reason to skip a test: the tools that this machine lacks. */
export function without(...tools: string[]): false | string {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { env }).status !== 0)
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')}`
}

/** A folder for this test file, removed after it. */
export function scratch(name: string): string {
  const dir = fs.mkdtempSync(join(tmpdir(), `fusewire-${name}-`))
  after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A predicate for assert.throws: a DiskError of this code. */
export const coded = (code: string) => (error: unknown) => error instanceof DiskError && error.code === code

/** A small random generator (mulberry32), so that a failure comes back with its seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** A source that lies over the bytes it is given: no copy, so a test may damage them and look again. */
export class BytesSource extends BaseSource {
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    super(bytes.length, 512, false)
    this.#bytes = bytes
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    buffer.set(this.#bytes.subarray(position, position + length), offset)
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#bytes.set(buffer.subarray(offset, offset + length), position)
  }
}

/** Runs work that hostile input feeds: it may end well or with a DiskError, with nothing else. */
export function survives(work: () => void, what: string): void {
  try {
    work()
  } catch (error) {
    if (error instanceof DiskError) return
    throw new Error(`${what}: ${(error as Error).stack}`, { cause: error })
  }
}
