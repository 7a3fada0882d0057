// What the mounted tests of this folder share: can this machine mount, a folder to work in, and proof that nothing is
// left behind.
import assert from 'node:assert/strict'
import { type ExecFileException, execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MountTable } from '../../../src/mount/mountinfo.js'

/** Why mounting as root is impossible here; false where it is possible. For the `skip` of a test. */
export const cannotMount: string | false = probeRoot()

function probeRoot(): string | false {
  if (process.platform !== 'linux') return 'FUSE needs Linux'
  if (process.getuid?.() !== 0) return 'needs root'
  const probe = spawnSync('unshare', ['-m', 'sh', '-c', 'test -w /dev/fuse && mount -t tmpfs none /mnt'], {
    timeout: 10_000,
  })
  return probe.status === 0 ? false : 'needs /dev/fuse and the right to mount'
}

/** Why an ordinary user cannot mount here; false for one who can. */
export const noUser: string | false =
  process.getuid?.() === 0
    ? 'needs an ordinary user (root has its own tests)'
    : missing('fusermount3') || noDevice()

function noDevice(): string | false {
  return spawnSync('test', ['-r', '/dev/fuse', '-a', '-w', '/dev/fuse']).status === 0
    ? false
    : 'needs access to /dev/fuse'
}

/** Why fusermount3 cannot be tried here. */
export const noHelper: string | false = cannotMount || missing('fusermount3')
/** Why a fake helper written in Python cannot be tried here. */
export const noPython: string | false = cannotMount || missing('python3')

function missing(program: string): string | false {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0 ? false : `needs ${program}`
}

/** A folder of its own, removed at the end with whatever is still mounted in it. */
export class Room {
  readonly dir: string
  readonly #held: readonly string[]

  constructor() {
    this.dir = realpathSync(mkdtempSync(join(tmpdir(), 'fusewire-mount-')))
    this.#held = held()
  }

  /** The path of something in the folder. */
  at(...names: string[]): string {
    return join(this.dir, ...names)
  }

  /** Mount points in the folder, oldest first. */
  mounted(): string[] {
    return MountTable.read()
      .all.map((mount) => mount.mountpoint)
      .filter((path) => path.startsWith(this.dir))
  }

  /** Fails when a mount, descriptor or child process is left that was not there at the start. */
  async assertClean(): Promise<void> {
    assert.deepEqual(this.mounted(), [], 'mounts are left')
    // A descriptor is closed by the pool and a child is reaped by the loop: both may take a moment.
    for (let i = 0; i < 500 && this.#left().length > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    assert.deepEqual(this.#left(), [], 'descriptors or child processes are left')
  }

  /** What was not there at the start; what has gone since then was on its way out. */
  #left(): string[] {
    const before = [...this.#held]
    return held().filter((thing) => {
      const at = before.indexOf(thing)
      if (at >= 0) before.splice(at, 1)
      return at < 0
    })
  }

  remove(): void {
    for (const path of this.mounted().reverse()) takeOff(path)
    rmSync(this.dir, { recursive: true, force: true })
  }
}

function takeOff(path: string): void {
  const [command, ...args] = process.getuid?.() === 0 ? ['umount', '-l'] : ['fusermount3', '-u', '-z']
  spawnSync(command ?? '', [...args, path], { timeout: 10_000 })
}

/** What the open descriptors point to, and the child processes. */
function held(): string[] {
  const list: string[] = []
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      list.push(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      // The descriptor of the listing itself.
    }
  }
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').trim().split(' ')
  return [...list.filter((link) => !link.startsWith('/proc/')), ...children.filter((pid) => pid !== '')]
}

export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program that may touch a mount of this very process: never synchronously, and never for ever. */
export function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: 20_000, killSignal: 'SIGKILL' as const, env: { ...process.env, ...env } }
    execFile(program, args, options, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ status: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr })
    })
  })
}

/** Path of a compiled file of this folder, to be run as a program of its own. */
export function program(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
