// What a million requests on the inode interface leave behind: garbage collections and resident memory.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { client, residentMiB } from './measure.js'

const HERE = dirname(fileURLToPath(import.meta.url))
const REQUESTS = 1_000_000

export interface Garbage {
  readonly requests: number
  /** Collections of the young generation and of everything that V8 reported meanwhile. */
  readonly scavenges: number
  readonly markCompacts: number
  readonly residentMiB: number
}

/** Serves hello under --trace-gc and counts collections while a million requests are answered, after a warm-up. */
export async function measureGarbage(cpu: number): Promise<Garbage> {
  const dir = mkdtempSync(join(tmpdir(), 'fusewire-bench-'))
  const child = spawn(
    'taskset',
    ['-c', String(cpu), process.execPath, '--trace-gc', join(HERE, 'servers', 'hello.js'), dir],
    {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    },
  )
  let trace = ''
  child.stdout!.on('data', (text) => {
    trace += text
  })
  await new Promise((resolve) => child.once('message', resolve))
  try {
    drive(dir, cpu, 100_000)
    await settle()
    trace = ''
    const requests = drive(dir, cpu, REQUESTS)
    await settle()
    const resident = residentMiB(child.pid!)
    return {
      requests,
      scavenges: trace.match(/Scavenge/g)?.length ?? 0,
      markCompacts: trace.match(/Mark-Compact/g)?.length ?? 0,
      residentMiB: resident,
    }
  } finally {
    spawnSync('umount', ['-l', dir], { timeout: 10_000 })
    child.kill('SIGTERM')
    await new Promise((resolve) => child.once('exit', resolve))
    rmdirSync(dir)
  }
}

/** Asks for a missing name until so many requests were answered; how many it were. */
function drive(dir: string, cpu: number, requests: number): number {
  let done = 0
  while (done < requests) {
    const run = spawnSync('taskset', ['-c', String(cpu), client(), 'missing', dir, '1000'], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    if (run.status !== 0) throw new Error(`the client failed: ${run.stderr}`)
    done += Number(run.stdout.split(' ')[0])
  }
  return done
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200))

export const machine = (): string => {
  const model = /model name\s*:\s*(.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown CPU'
  return `${model}, Linux ${readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim()}, Node ${process.versions.node}`
}
