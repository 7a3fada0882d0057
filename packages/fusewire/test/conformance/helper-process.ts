import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { errnoName } from '../../src/abi/errno.js'
import type { User } from '../../src/testing/index.js'
import { HELPER_PROGRAM } from './helper-program.js'

/** No call of a helper takes longer than this many milliseconds; the process is killed then. */
const CALL_MS = 20_000

/** Why there can be no helper; null when there can. */
export const noHelper = (): string | null =>
  spawnSync('python3', ['-c', ''], { timeout: CALL_MS }).status === 0
    ? null
    : 'python3, which makes the system calls that Node.js has not, is missing'

/** A process that makes system calls for the tests, as the user it was started for. */
export class HelperProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #lastId = 0
  #text = ''
  #errors = ''

  constructor({ uid, gid, groups = [], umask = 0o022 }: User) {
    const who = JSON.stringify([uid, gid, groups, umask])
    this.#child = spawn('python3', ['-uc', HELPER_PROGRAM, who], { cwd: '/', stdio: 'pipe' })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => this.#received(text))
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.#child.stdin.on('error', () => {})
    this.#child.on('exit', () => this.#end(new Error(`the helper ended: ${this.#errors}`)))
  }

  /** One system call; rejects with an error as Node's. */
  async call(op: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#lastId
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CALL_MS)
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
        this.#child.stdin.write(`${JSON.stringify({ id, op, args })}\n`)
      })
    } finally {
      clearTimeout(timer)
    }
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }

  #received(text: string): void {
    const lines = (this.#text + text).split('\n')
    this.#text = lines.pop()!
    for (const line of lines)
      this.#answer(JSON.parse(line) as { id: number; result?: unknown; error?: number })
  }

  #answer({ id, result, error }: { id: number; result?: unknown; error?: number }): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else
      waiting?.reject(Object.assign(new Error(errnoName(error)), { code: errnoName(error), errno: -error }))
  }

  #end(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }
}
