import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { DiskError } from '../error.js'

/**
 * One writer per image file, without native code: a file `IMAGE.lock` beside the image names the writer (process id,
 * its start time, host, a random token).
 *
 * It comes into being with its content by link(2), which fails when the name exists. The lock of a process that is
 * gone is broken by whoever creates `IMAGE.lock.break-TOKEN` exclusively, TOKEN being the dead lock's: so one process
 * at a time has the right to remove exactly that lock, and a slow second one cannot remove its successor. A lock of
 * another host is never broken, as its process cannot be asked. The lock guards against honest programs of this
 * package; it is not a fence against others.
 */
export interface WriterLock {
  release(): void
}

interface Holder {
  pid: number
  /** Clock ticks after boot at which the process started (proc(5), stat field 22); null where there is no /proc. */
  started: string | null
  host: string
  token: string
}

/** How often a lock that changes under our hands is looked at again. */
const ATTEMPTS = 16

const held = new Set<string>()
let exitHook = false

function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold blanks and parentheses itself.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false
  }
  const started = startTime(holder.pid)
  return started === null || holder.started === null || started === holder.started
}

/** The present holder, 'none', or 'unreadable' for content that is not ours. */
function readHolder(file: string): Holder | 'none' | 'unreadable' {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder> | null
    if (
      typeof value?.pid === 'number' &&
      typeof value.host === 'string' &&
      /^[0-9a-f]{32}$/.test(`${value.token}`)
    ) {
      return { pid: value.pid, started: value.started ?? null, host: value.host, token: `${value.token}` }
    }
    return 'unreadable'
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? 'none' : 'unreadable'
  }
}

/** Removes the lock of a dead holder; true when it was ours to remove or is gone. */
function breakLock(file: string, dead: Holder): boolean {
  const right = `${file}.break-${dead.token}`
  try {
    writeFileSync(right, '', { flag: 'wx' })
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
  try {
    const now = readHolder(file)
    if (typeof now === 'object' && now.token === dead.token) unlinkSync(file)
    return true
  } finally {
    unlinkSync(right)
  }
}

function busy(path: string, file: string, holder: Holder | 'unreadable' | 'none'): DiskError {
  const who = typeof holder === 'object' ? `process ${holder.pid} on ${holder.host}` : 'another writer'
  return new DiskError('EBUSY', `the image is open for writing by ${who}:`, {
    path,
    syscall: 'open',
    cure: `Close it there, or open read-only; if no program writes to it, delete '${file}' and any '${file}.break-*'`,
  })
}

function takeOnce(file: string, token: string): boolean {
  const own: Holder = { pid: process.pid, started: startTime(process.pid), host: hostname(), token }
  const draft = `${file}.${token}`
  writeFileSync(draft, `${JSON.stringify(own)}\n`, { flag: 'wx' })
  try {
    linkSync(draft, file)
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(draft)
  }
}

function hold(file: string, token: string): WriterLock {
  held.add(file)
  if (!exitHook) {
    exitHook = true
    process.once('exit', () => {
      for (const left of held) {
        try {
          unlinkSync(left)
        } catch {
          // The process ends; a lock that stays is recognised as dead by the next writer.
        }
      }
    })
  }
  return {
    release() {
      if (!held.delete(file)) return
      const now = readHolder(file)
      if (typeof now === 'object' && now.token === token) unlinkSync(file)
    },
  }
}

/**
 * Takes the writer's lock of the image at `path` (a resolved path). Throws `EBUSY` when another writer lives, and the
 * file system's own error as `DiskError` cause when no lock file can be made there.
 */
export function lockForWriting(path: string): WriterLock {
  const file = `${path}.lock`
  const token = randomBytes(16).toString('hex')
  let holder: ReturnType<typeof readHolder> = 'none'
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (takeOnce(file, token)) return hold(file, token)
      holder = readHolder(file)
      if (holder === 'none') continue
      if (holder === 'unreadable' || isAlive(holder)) break
      breakLock(file, holder)
    }
  } catch (error) {
    throw new DiskError('EACCES', 'cannot make the lock file beside the image', {
      path,
      syscall: 'open',
      cure: `Make the folder writable, open read-only, or pass lock: false when no other program writes to it`,
      cause: error,
    })
  }
  throw busy(path, file, holder)
}
