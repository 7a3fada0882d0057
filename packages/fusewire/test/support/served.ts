// A filesystem in service for one test: mounted in a folder of its own, unmounted and proven gone at the end.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { type FileSystem, type Mount, mount, type Options, type PathFileSystem } from '../../src/index.js'
import { type Outcome, Room, run } from '../mount/support/room.js'

export { cannotMount as blocker } from '../mount/support/room.js'

export interface Served {
  readonly room: Room
  readonly dir: string
  readonly mount: Mount
  /** Lines that the library logged. */
  readonly log: string[]
  /** Runs a script with `$M` as the mount; it may take 20 seconds. */
  sh(script: string): Promise<Outcome>
  /** What a script prints; it must succeed. */
  out(script: string): Promise<string>
}

/** A folder with an empty `mnt`, removed after the test with whatever is mounted in it. `end` runs first. */
export function roomFor(t: TestContext, end: () => Promise<unknown> = async () => {}): Room {
  const room = new Room()
  mkdirSync(room.at('mnt'))
  t.after(async () => {
    try {
      await end()
      await room.assertClean()
    } finally {
      room.remove()
    }
  })
  return room
}

export async function served(
  t: TestContext,
  fs: FileSystem | PathFileSystem,
  options: Options = {},
): Promise<Served> {
  let mounted: Mount | undefined
  const room = roomFor(t, async () => {
    await mounted
      ?.unmount({ timeout: 5000 })
      .catch(() => mounted?.unmount({ force: true, timeout: 5000 }).catch(() => {}))
  })
  const dir = room.at('mnt')
  const log: string[] = []
  mounted = await mount(dir, fs, { log: (line) => log.push(line), ...options })
  const sh = (script: string): Promise<Outcome> => run('bash', ['-c', script], { M: dir, LC_ALL: 'C' })
  const out = async (script: string): Promise<string> => {
    const outcome = await sh(script)
    assert.equal(outcome.status, 0, `${script}\n${outcome.stdout}${outcome.stderr}${log.join('\n')}`)
    return outcome.stdout
  }
  return { room, dir, mount: mounted, log, sh, out }
}

/** Waits until `holds` is true, for ten seconds at the most. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`never came: ${what}`)
}

/** A program of its own, killed after 30 seconds. */
export class Program {
  readonly pid: number
  stdout = ''
  stderr = ''
  /** Its exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Sends a signal to it alone. */
  readonly kill: (signal: NodeJS.Signals) => void

  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.pid = child.pid ?? 0
    child.stdout.on('data', (chunk) => (this.stdout += String(chunk)))
    child.stderr.on('data', (chunk) => (this.stderr += String(chunk)))
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        resolve(code ?? signal ?? 'unknown')
      })
    })
    this.kill = (signal) => void child.kill(signal)
  }

  /** Waits until it printed the text on either stream. */
  says(text: string): Promise<void> {
    return until(
      () => `${this.stdout}${this.stderr}`.includes(text),
      `${text} in ${this.stdout}${this.stderr}`,
    )
  }
}

const INDEX = new URL('../../src/index.js', import.meta.url).href

/** Writes a module: everything of the library is in scope as `fw`, the mount point as `dir`. Its path. */
export function moduleIn(room: Room, code: string): string {
  const dir = JSON.stringify(room.at('mnt'))
  const path = room.at('program.mjs')
  writeFileSync(path, `import * as fw from ${JSON.stringify(INDEX)}\nconst dir = ${dir}\n${code}\n`)
  return path
}

/** Runs such a module as a process of its own. */
export const script = (room: Room, code: string): Program =>
  new Program(process.execPath, [moduleIn(room, code)])
