// Children in a mount namespace of their own, as an ordinary user, with a /dev/fuse and a /etc/fuse.conf of their own:
// bind mounts that only the namespace sees.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Report, Task } from './child.js'
import { program } from './room.js'

/** The user `nobody` of all distributions. */
export const USER = 65534

export interface Surroundings {
  /** Text of /etc/fuse.conf. Default empty. */
  readonly conf?: string
  /** Mode of /dev/fuse; `none` for a /dev without it. Default 666. */
  readonly device?: string
  /** Shell commands run as root in the namespace before the child starts. */
  readonly before?: string
  /** Words between the user's shell and node: `setpriv --no-new-privs`, say. */
  readonly wrap?: readonly string[]
  /** Options of setpriv that make root an ordinary user; empty to stay root. */
  readonly ids?: readonly string[]
  readonly env?: Record<string, string>
}

const AS_USER = ['--reuid', String(USER), '--regid', String(USER), '--clear-groups']

/** $1 folder for the private files, $2 text of fuse.conf, $3 mode of the device, $4 further commands, then the program. */
const SETUP = `set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mknod "$1/fuse" c 10 229
printf '%s' "$2" > "$1/conf"
if [ "$3" = none ]; then mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3
else chmod "$3" "$1/fuse"; mount --bind "$1/fuse" /dev/fuse; fi
touch /etc/fuse.conf
mount --bind "$1/conf" /etc/fuse.conf
eval "$4"
shift 4
exec "$@"`

/** Starts the child program for `task`. @param scratch an empty folder, covered by a tmpfs inside the namespace. */
export function startChild(scratch: string, task: Task, around: Surroundings = {}): Child {
  const { conf = '', device = '666', before = '', wrap = [], ids = AS_USER } = around
  const node = [...wrap, process.execPath, program('child.js'), JSON.stringify(task)]
  const command = ids.length > 0 ? ['setpriv', ...ids, '--', ...node] : node
  const args = ['-m', 'sh', '-c', SETUP, 'sh', scratch, conf, device, before, ...command]
  // A run under sanitizers keeps its addon and its reports where only root may look: the children go without it.
  const { FUSEWIRE_ADDON: _, LD_PRELOAD: __, ...inherited } = process.env
  const env = { ...inherited, ...around.env }
  return new Child(spawn('unshare', args, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** A child at work; it is killed after a minute. */
export class Child {
  readonly #process: ChildProcess
  readonly #exit: Promise<number>
  #out = ''
  #err = ''

  constructor(child: ChildProcess) {
    this.#process = child
    child.stdout?.on('data', (chunk) => (this.#out += String(chunk)))
    child.stderr?.on('data', (chunk) => (this.#err += String(chunk)))
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    this.#exit = new Promise((resolve) => {
      child.once('close', (status, signal) => {
        clearTimeout(timer)
        resolve(status ?? (signal === null ? -1 : -2))
      })
    })
  }

  /** unshare, setpriv and sh replace themselves, so this is the pid of node. */
  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** The first line that it says; an Error with its standard error when it says none. */
  async report(): Promise<Report> {
    const ended = this.#exit.then(() => true)
    while (!this.#out.includes('\n')) {
      if (await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5))])) break
    }
    const line = this.#out.split('\n')[0] ?? ''
    if (line === '') throw new Error(`the child said nothing: ${this.#err}`)
    return JSON.parse(line) as Report
  }

  /** Its exit status; -2 when a signal ended it. */
  end(): Promise<number> {
    return this.#exit
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exit
  }
}
