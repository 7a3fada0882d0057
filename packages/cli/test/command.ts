// The command as its users run it: a process of its own, ended after 20 seconds.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

/** Why nothing can be mounted here; false where it can. */
export const blocker: string | false = (() => {
  if (process.getuid?.() !== 0) return 'needs root'
  return existsSync('/dev/fuse') ? false : '/dev/fuse is missing'
})()

export interface Outcome {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** A running command. */
export class Running {
  readonly #child: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<Outcome>

  constructor(program: string, args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.#child = child
    child.stdout?.on('data', (chunk) => (this.stdout += String(chunk)))
    child.stderr?.on('data', (chunk) => (this.stderr += String(chunk)))
    const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        clearTimeout(timer)
        resolve({ code: code ?? signal ?? 'unknown', stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits for its first line. */
  async line(): Promise<string> {
    for (let i = 0; i < 500 && !this.stdout.includes('\n'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return this.stdout
  }
}

export const start = (...args: string[]): Running => new Running(process.execPath, [MAIN, ...args])
export const fusewire = (...args: string[]): Promise<Outcome> => start(...args).ended
/** `$F` is the command. */
export const bash = (script: string, env: Record<string, string> = {}): Promise<Outcome> =>
  new Running('bash', ['-c', script], { F: `${process.execPath} ${MAIN}`, LC_ALL: 'C', ...env }).ended

/** Mount points below a folder. */
export function mountsBelow(dir: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n')
  return lines.map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(dir))
}

/** A folder with an empty `mnt`; whatever is mounted in it is taken off after the test. */
export function folder(t: TestContext): { dir: string; mnt: string } {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'fusewire-cli-')))
  const mnt = join(dir, 'mnt')
  mkdirSync(mnt)
  t.after(() => {
    for (const path of mountsBelow(dir)) spawnSync('umount', ['-l', path], { timeout: 10_000 })
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, mnt }
}
