// One measurement: the client's speed, and what the server spent meanwhile.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CACHE, type Running } from './peers.js'

const CLIENT_SOURCE = join(dirname(fileURLToPath(import.meta.url)), '..', 'client.c')
/** USER_HZ: the unit of /proc/PID/stat on every Linux that Node runs on. */
const TICKS = 100

export interface Operation {
  readonly name: string
  readonly label: string
  readonly family: 'hello' | 'files'
  /** Bytes moved by one operation, 0 where only the count matters. */
  readonly bytes: number
}

export const OPERATIONS: readonly Operation[] = [
  { name: 'missing', label: 'stat of a missing name', family: 'hello', bytes: 0 },
  { name: 'stat', label: 'stat', family: 'files', bytes: 0 },
  { name: 'open', label: 'open + close', family: 'files', bytes: 0 },
  { name: 'create', label: 'create + close + unlink', family: 'files', bytes: 0 },
  { name: 'readdir', label: 'readdir of 1,000 names', family: 'files', bytes: 0 },
  { name: 'read4k', label: '4 KiB random read (direct)', family: 'files', bytes: 4096 },
  { name: 'write4k', label: '4 KiB write (direct)', family: 'files', bytes: 4096 },
  { name: 'read1m', label: '1 MiB sequential read (direct)', family: 'files', bytes: 1 << 20 },
  { name: 'write1m', label: '1 MiB sequential write (direct)', family: 'files', bytes: 1 << 20 },
]

export interface Sample {
  /** Operations a second. */
  readonly speed: number
  /** CPU microseconds of the server for one operation. */
  readonly cpu: number
}

/** Compiles the client if it is older than its source. */
export function client(): string {
  const target = join(CACHE, 'client')
  if (!existsSync(target) || statSync(target).mtimeMs < statSync(CLIENT_SOURCE).mtimeMs) {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', target, CLIENT_SOURCE])
  }
  return target
}

export function sample(running: Running, operation: string, ms: number, cpu: number): Sample {
  const before = cpuSeconds(running.pid)
  const run = spawnSync('taskset', ['-c', String(cpu), client(), operation, running.dir, String(ms)], {
    encoding: 'utf8',
    timeout: ms + 20_000,
  })
  if (run.status !== 0)
    throw new Error(`${running.peer.name}, ${operation}: ${run.stderr.trim() || 'the client hung'}`)
  const [count, nanoseconds] = run.stdout.trim().split(' ').map(Number) as [number, number]
  return { speed: (count * 1e9) / nanoseconds, cpu: ((cpuSeconds(running.pid) - before) * 1e6) / count }
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

/** Resident memory of a process in MiB. */
export function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
