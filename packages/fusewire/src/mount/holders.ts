// Who keeps a mount busy: read from /proc as text only. A stat through /proc/<pid>/fd would reach the mount itself.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { MountCalls } from '../native/mount.js'
import { Deadline } from './deadline.js'
import { deviceOf, type MountInfo, MountTable } from './mountinfo.js'

/** One use of a mount by a process; a mount below it holds it as well, then `pid` is 0. */
export interface Holder {
  readonly pid: number
  /** Command line, or the short name where that is not readable. */
  readonly command: string
  readonly kind: 'fd' | 'cwd' | 'root' | 'exe' | 'mmap' | 'mount'
  /** Number of the descriptor, for kind `fd`. */
  readonly fd: number | null
  readonly path: string
}

/** What a search for holders found. */
export interface HolderReport {
  readonly holders: readonly Holder[]
  /** Processes whose descriptors this user may not see: the list may lack theirs. */
  readonly hidden: number
}

/** The lock that /proc/<pid>/maps and cmdline take may be held by a process that hangs in a page fault. */
const PROCESS_MS = 500
/** Far above the maps of large programs (100 bytes a line, vm.max_map_count is 65530). */
const MAPS_MAX = 16 * 2 ** 20
/** A list beyond this says no more. */
const HOLDERS_MAX = 1000

/** What to look for: the mount itself in our namespace, its device in others. */
interface Wanted {
  readonly id: number
  readonly device: string
  readonly namespace: string
}

/** Every process that uses the mount, and the mounts that sit on it. The mount is not touched. */
export async function findHolders(calls: MountCalls, mount: MountInfo): Promise<HolderReport> {
  const wanted = { id: mount.id, device: deviceOf(mount), namespace: link('/proc/self/ns/mnt') }
  const holders: Holder[] = MountTable.read()
    .childrenOf(mount.id)
    .map((child) => ({ pid: 0, command: child.type, kind: 'mount', fd: null, path: child.mountpoint }))
  const tables = new Tables()
  let hidden = 0
  for (const pid of pids()) {
    const found = await holdersOf(calls, pid, wanted, tables)
    if (found === null) hidden++
    else holders.push(...found)
    if (holders.length > HOLDERS_MAX) break
  }
  return { holders: holders.slice(0, HOLDERS_MAX), hidden }
}

/** Numbers of all processes that /proc shows. */
export function pids(): number[] {
  return names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The uses of one process; null when it is hidden from this user, empty when it is gone or innocent. */
async function holdersOf(
  calls: MountCalls,
  pid: number,
  wanted: Wanted,
  tables: Tables,
): Promise<Holder[] | null> {
  const namespace = link(`/proc/${pid}/ns/mnt`)
  if (namespace === '') return holdsNothing(pid) ? [] : null
  const table = tables.of(pid, namespace)
  if (!table) return []
  const same = namespace === wanted.namespace
  const isWanted = (mount: MountInfo | undefined) =>
    mount !== undefined && (same ? mount.id === wanted.id : deviceOf(mount) === wanted.device)
  // In another namespace nothing can be held where the device is not mounted.
  if (!table.all.some(isWanted)) return []
  const found: Omit<Holder, 'pid' | 'command'>[] = []
  for (const kind of ['cwd', 'root', 'exe'] as const) {
    const path = link(`/proc/${pid}/${kind}`)
    if (path !== '' && isWanted(table.containing(plainPath(path)))) found.push({ kind, fd: null, path })
  }
  for (const fd of names(`/proc/${pid}/fd`)) {
    const id = /^mnt_id:\s*(\d+)$/m.exec(text(`/proc/${pid}/fdinfo/${fd}`))?.[1]
    if (id === undefined || !isWanted(table.byId(Number(id)))) continue
    found.push({ kind: 'fd', fd: Number(fd), path: link(`/proc/${pid}/fd/${fd}`) })
  }
  for (const path of await mapped(calls, pid, wanted.device)) found.push({ kind: 'mmap', fd: null, path })
  if (found.length === 0) return []
  const command = await commandOf(calls, pid)
  return found.map((use) => ({ pid, command, ...use }))
}

function plainPath(path: string): string {
  return path.replace(/ \(deleted\)$/, '')
}

/** The mount tables of the namespaces met so far: most processes share one, and a table may be long. */
class Tables {
  readonly #known = new Map<string, MountTable>()

  /** The table as the process sees it, which its root directory narrows; null when the process is gone. */
  of(pid: number, namespace: string): MountTable | null {
    const key = `${namespace} ${link(`/proc/${pid}/root`)}`
    const known = this.#known.get(key)
    if (known) return known
    try {
      const table = MountTable.read(pid)
      this.#known.set(key, table)
      return table
    } catch {
      return null
    }
  }
}

/** Kernel threads and zombies have no memory and hold nothing: only then the status has no size. */
function holdsNothing(pid: number): boolean {
  return !/^VmSize:/m.test(text(`/proc/${pid}/status`))
}

/** Files of the device that the process has mapped into its memory, each once. */
async function mapped(calls: MountCalls, pid: number, device: string): Promise<string[]> {
  const data = await new Deadline(PROCESS_MS)
    .wait('read', calls.readFile(`/proc/${pid}/maps`, MAPS_MAX))
    .catch(() => 0)
  if (typeof data === 'number') return []
  const paths = new Set<string>()
  for (const line of data.toString('utf8').split('\n')) {
    const match = /^\S+ \S+ \S+ ([0-9a-f]+):([0-9a-f]+) \d+ +(.*)$/.exec(line)
    if (!match) continue
    if (`${parseInt(match[1] ?? '', 16)}:${parseInt(match[2] ?? '', 16)}` === device)
      paths.add(match[3] ?? '')
  }
  return [...paths]
}

/** Command line of a process, its short name where the line cannot be had in time. */
export async function commandOf(calls: MountCalls, pid: number): Promise<string> {
  const data = await new Deadline(PROCESS_MS)
    .wait('read', calls.readFile(`/proc/${pid}/cmdline`, 4096))
    .catch(() => 0)
  const line = typeof data === 'number' ? '' : data.toString('utf8').replace(/\0+$/, '').replaceAll('\0', ' ')
  return line === '' ? text(`/proc/${pid}/comm`).trim() : line
}

/** The holders as words for a message: at most five by name. */
export function describeHolders(report: HolderReport): string {
  const shown = report.holders.slice(0, 5).map((holder) => {
    if (holder.kind === 'mount') return `the ${holder.command} mount at ${holder.path}`
    const use = holder.kind === 'fd' ? `fd ${holder.fd}` : holder.kind
    return `pid ${holder.pid} (${holder.command}) by ${use} ${holder.path}`
  })
  const more = report.holders.length - shown.length
  if (more > 0) shown.push(`${more} more`)
  if (shown.length > 0) return shown.join(', ')
  return report.hidden === 0
    ? 'somebody who is gone by now'
    : `one of ${report.hidden} processes that this user may not look into, or by somebody who is gone by now`
}
