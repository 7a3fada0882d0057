// Running fusermount3, which is set-user-id root and mounts for ordinary users: found without trusting that PATH
// answers, run with a limit of time, its words kept.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { errno } from '../abi/errno.js'
import type { MountCalls } from '../native/mount.js'
import { Deadline } from './deadline.js'
import { StepError } from './errors.js'

const NAME = 'fusermount3'
/** Where distributions put it, for a process that runs with a poor PATH. */
const USUAL = ['/usr/bin', '/bin', '/usr/local/bin', '/usr/sbin', '/sbin']
/** A directory of PATH may lie on a hung mount; local ones answer within microseconds. */
const LOOK_MS = 1000
/** After the helper's exit: how long to wait for the end of its standard error, which a child of it may keep open. */
const LAST_WORDS_MS = 100
/** What a helper may write that is worth keeping. */
const STDERR_MAX = 8192

/** Directories to look into, in order: PATH, then the usual ones. Relative entries depend on chance and are left out. */
export function helperPlaces(): string[] {
  const path = (process.env.PATH ?? '').split(':').filter((dir) => dir.startsWith('/'))
  return [...new Set([...path, ...USUAL])].map((dir) => `${dir.replace(/\/+$/, '')}/${NAME}`)
}

/** Absolute path of the helper, so that spawn() walks no PATH on the main thread; StepError ENOENT when there is none. */
export async function findHelper(calls: MountCalls, deadline: Deadline, given?: string): Promise<string> {
  for (const place of given === undefined ? helperPlaces() : [given]) {
    const look = new Deadline(Math.min(LOOK_MS, deadline.left))
    const result = await look
      .wait('access', calls.access(place, constants.X_OK))
      .catch(() => -errno.ETIMEDOUT)
    if (result === 0) return place
  }
  throw new StepError('find fusermount3', errno.ENOENT)
}

/** How a helper ended. */
export interface HelperEnd {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null
  readonly signal: string | null
  /** Lines of its standard error, the program's name in front removed. */
  readonly lines: readonly string[]
}

/** A helper at work. */
export interface Helper {
  /** Its end: at the deadline it is killed, and this rejects with a StepError ETIMEDOUT. */
  end(deadline: Deadline): Promise<HelperEnd>
  /** Lets it live on without us; what it writes from now on is lost. */
  leave(): void
}

/** Starts the helper. @param socket descriptor that it gets as its end of the communication socket. */
export async function startHelper(path: string, args: readonly string[], socket?: number): Promise<Helper> {
  const env = { ...process.env }
  delete env._FUSE_COMMFD
  delete env._FUSE_COMMFD2
  if (socket !== undefined) env._FUSE_COMMFD = '3'
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', 'ignore', 'pipe']
  if (socket !== undefined) stdio.push(socket)
  const child = await begin(path, args, { stdio, env, cwd: '/' })
  const ended = watch(child)
  return {
    end: async (deadline) => {
      try {
        return await deadline.wait(NAME, ended)
      } catch (error) {
        child.kill('SIGKILL')
        throw error
      }
    },
    leave: () => {
      child.stderr?.destroy()
      child.unref()
    },
  }
}

/** Starts the program; a StepError when the kernel does not run it. */
async function begin(path: string, args: readonly string[], options: SpawnOptions): Promise<ChildProcess> {
  try {
    const child = spawn(path, args, options)
    await new Promise((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    return child
  } catch (error) {
    throw new StepError('spawn', Math.abs((error as NodeJS.ErrnoException).errno ?? errno.EIO))
  }
}

/** Follows the child to its exit; a process that inherited its standard error must not hold that up. */
function watch(child: ChildProcess): Promise<HelperEnd> {
  let text = ''
  child.stderr?.setEncoding('utf8')
  child.stderr?.on('data', (chunk: string) => {
    if (text.length < STDERR_MAX) text += chunk
  })
  child.stderr?.on('error', () => {})
  return new Promise((resolve) => {
    child.once('exit', (status, signal) => {
      const finish = () => {
        clearTimeout(timer)
        child.stderr?.destroy()
        resolve({ status, signal, lines: linesOf(text) })
      }
      const timer = setTimeout(finish, LAST_WORDS_MS)
      child.once('close', finish)
    })
  })
}

function linesOf(text: string): string[] {
  return text
    .slice(0, STDERR_MAX)
    .split('\n')
    .map((line) => line.replace(/^\S*fusermount3?: /, '').trim())
    .filter((line) => line !== '')
}

/** errno that a line of the helper stands for, by strerror's English texts and its own. */
const MEANINGS: readonly [RegExp, number][] = [
  [/no write access|Permission denied/, errno.EACCES],
  [/only allowed if|not owned by user|is forbidden|is privileged|Operation not permitted/, errno.EPERM],
  [/too many FUSE filesystems/, errno.EUSERS],
  [/unknown option|Invalid argument|invalid/, errno.EINVAL],
  [/device not found|No such device/, errno.ENODEV],
  [/Transport endpoint is not connected/, errno.ENOTCONN],
  [/Device or resource busy/, errno.EBUSY],
  [/No such file or directory|not found in/, errno.ENOENT],
  [/Not a directory/, errno.ENOTDIR],
  [/Too many levels of symbolic links/, errno.ELOOP],
  [/Read-only file system/, errno.EROFS],
  [/No space left on device/, errno.ENOSPC],
]

/** The errno behind a helper's failure; EIO where its words name none. */
export function errnoOfHelper(end: HelperEnd): number {
  for (const [words, number] of MEANINGS) if (end.lines.some((line) => words.test(line))) return number
  return errno.EIO
}

/** How it ended, for a message: its own words, else its status or signal. */
export function wordsOf(end: HelperEnd): readonly string[] {
  if (end.lines.length > 0) return end.lines
  return [
    end.signal === null ? `exited with status ${end.status} and said nothing` : `was ended by ${end.signal}`,
  ]
}

/** At the exit of the process, when the loop runs no more: runs the helper for at most `ms`; never throws. */
export function runHelperAtExit(args: readonly string[], ms: number, given?: string): void {
  const path = given ?? helperPlaces().find(isExecutable)
  if (path === undefined) return
  spawnSync(path, args, { stdio: 'ignore', timeout: ms, killSignal: 'SIGKILL', cwd: '/' })
}

/** On the main thread, which serves nothing any more. */
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
