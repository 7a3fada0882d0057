import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'

/** Set for the process that serves in the background. */
const BACKGROUND = 'FUSEWIRE_BACKGROUND'

/** What the background process tells the one that started it, once. */
interface Ready {
  readonly line?: string
  readonly error?: string
  readonly code: number
}

export const isBackground = (): boolean => process.env[BACKGROUND] === '1' && process.send !== undefined

/**
 * Runs this same command line once more, detached, and waits until its mount answers. Resolves with what it told; a
 * process that ended without a word is an error of its own.
 * @param log a file for its later messages; they are dropped without one
 */
export async function inBackground(args: readonly string[], log: string | undefined): Promise<Ready> {
  const messages = log === undefined ? 'ignore' : openSync(log, 'a', 0o600)
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    detached: true,
    stdio: ['ignore', messages, messages, 'ipc'],
    env: { ...process.env, [BACKGROUND]: '1' },
  })
  return new Promise((resolve) => {
    child.once('message', (message) => {
      child.disconnect()
      child.unref()
      resolve(message as Ready)
    })
    child.once('error', (error) => resolve({ error: error.message, code: 1 }))
    child.once('exit', (code, signal) => {
      const how = signal === null ? `with code ${code}` : `by ${signal}`
      resolve({ error: `the background process ended ${how} before its mount answered`, code: 1 })
    })
  })
}

/** In the background process: the mount answers, or will not. Then it has no one above it any more. */
export async function tell(ready: Ready): Promise<void> {
  await new Promise<void>((resolve) => process.send!(ready, () => resolve()))
  if (process.connected) process.disconnect()
}
