// A process of its own for the tests: `node child.js JSON`. It mounts, serves, says what came of it as one line of JSON,
// and ends in the way that the test asks for.
import { closeSync, openSync } from 'node:fs'
import { MountError, type MountOptions, mountDevice, unmount } from '../../../src/mount/index.js'
import { serve } from './server.js'

export interface Task {
  readonly dir: string
  readonly options?: MountOptions
  /** What to do once it is mounted. Default: unmount and exit. */
  readonly after?: 'unmount' | 'stay' | 'unmountSync' | 'lazy' | 'force'
  /** Unmounts `dir` and does nothing else. */
  readonly only?: 'unmount' | 'force' | 'lazy'
  /** Answers nothing but INIT. */
  readonly dumb?: boolean
  /** Opens descriptors up to the limit, but for this many. */
  readonly free?: number
}

export interface Report {
  readonly method?: string
  readonly refused?: readonly string[]
  readonly connectionId?: number | null
  readonly code?: string
  readonly message?: string
  readonly tried?: readonly string[]
  readonly holders?: number
}

function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`)
}

function sayError(error: unknown): void {
  if (!(error instanceof MountError)) throw error
  const tried = error.tried.map(({ method, step, code }) => `${method} ${step} ${code}`)
  say({ code: error.code, message: error.message, tried, holders: error.holders.length })
}

/** Fills the table of descriptors up to the limit, then closes `free` of them. */
function useUp(free: number): number[] {
  const fds: number[] = []
  for (;;) {
    try {
      fds.push(openSync('/dev/null', 'r'))
    } catch {
      break
    }
  }
  for (const fd of fds.splice(fds.length - free)) closeSync(fd)
  return fds
}

async function main(task: Task): Promise<void> {
  if (task.only) return unmount(task.dir, { force: task.only === 'force', lazy: task.only === 'lazy' })
  const filled = task.free === undefined ? [] : useUp(task.free)
  const device = await mountDevice(task.dir, task.options).finally(() => filled.map((fd) => closeSync(fd)))
  const server = serve(device.fd, 0o40755, task.dumb)
  const refused = device.refused.map(({ method, step, code }) => `${method} ${step} ${code}`)
  say({ method: device.method, refused, connectionId: device.connectionId })
  switch (task.after ?? 'unmount') {
    case 'stay':
      return server.done
    case 'unmountSync':
      device.unmountSync()
      process.exit(0)
      break
    default:
      await device.unmount({ lazy: task.after === 'lazy', force: task.after === 'force' })
      // Without fusectl a user's force ends the connection only so.
      server.stop()
      await server.done
  }
}

main(JSON.parse(process.argv[2] ?? '{}') as Task).catch(sayError)
