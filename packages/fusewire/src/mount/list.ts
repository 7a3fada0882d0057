// Every FUSE mount of this mount namespace, from /proc and fusectl only: no mount is touched, so none can hang this.
import { readdirSync, readlinkSync } from 'node:fs'
import type { MountCalls } from '../native/mount.js'
import { waitingOf } from './control.js'
import { connectionOfFd } from './device.js'
import { commandOf, pids } from './holders.js'
import { connectionOf, deviceOf, isFuseType, type MountInfo, MountTable } from './mountinfo.js'

/** A process that has the device of a connection open. */
export interface Daemon {
  readonly pid: number
  readonly command: string
}

/** One FUSE mount. */
export interface FuseMount {
  readonly mountpoint: string
  /** Source as given by fsname. */
  readonly source: string
  /** `fuse`, `fuse.<subtype>`, `fuseblk`, `fuseblk.<subtype>`. */
  readonly type: string
  readonly subtype: string | null
  /** Options of the mount and of the superblock: `rw`, `nosuid`, `user_id=0`, `allow_other` ... */
  readonly options: readonly string[]
  /** User whose mount it is (`user_id`). */
  readonly uid: number
  /** `major:minor`, the st_dev of its files. */
  readonly device: string
  /** Number of its connection in fusectl. */
  readonly connectionId: number
  /** Mount id, unique in the system. */
  readonly id: number
  /** False when a later mount covers it or one of its parents. */
  readonly visible: boolean
  /** Processes that have its device open, so far as this user may see them; before Linux 6.18 always empty. */
  readonly daemons: readonly Daemon[]
  /** Requests without an answer; null where fusectl is not mounted or this user may not look. */
  readonly waiting: number | null
}

/** All FUSE mounts in the order in which they were made. */
export async function listFuseMounts(calls: MountCalls): Promise<FuseMount[]> {
  const table = MountTable.read()
  const mounts = table.all.filter((mount) => isFuseType(mount.type))
  if (mounts.length === 0) return []
  const daemons = await findDaemons(calls, new Set(mounts.map(connectionOf)))
  return mounts.map((mount) => describe(mount, table, daemons.get(connectionOf(mount)) ?? []))
}

function describe(mount: MountInfo, table: MountTable, daemons: readonly Daemon[]): FuseMount {
  const dot = mount.type.indexOf('.')
  const uid = mount.options.find((option) => option.startsWith('user_id='))
  return {
    mountpoint: mount.mountpoint,
    source: mount.source,
    type: mount.type,
    subtype: dot < 0 ? null : mount.type.slice(dot + 1),
    options: [...new Set([...mount.flags, ...mount.options])],
    uid: Number(uid?.slice('user_id='.length) ?? 0),
    device: deviceOf(mount),
    connectionId: connectionOf(mount),
    id: mount.id,
    visible: table.at(mount.mountpoint) === mount,
    daemons,
    waiting: waitingOf(connectionOf(mount)),
  }
}

/** Processes by the connections whose device they have open. */
async function findDaemons(calls: MountCalls, wanted: ReadonlySet<number>): Promise<Map<number, Daemon[]>> {
  const found = new Map<number, Daemon[]>()
  for (const pid of pids()) {
    const connections = new Set(deviceFds(pid).map((fd) => connectionOfFd(fd, pid)))
    for (const connection of connections) {
      if (connection === null || !wanted.has(connection)) continue
      const list = found.get(connection) ?? []
      list.push({ pid, command: await commandOf(calls, pid) })
      found.set(connection, list)
    }
  }
  return found
}

/** Descriptors whose link text names a node called `fuse`: to stat through them could reach a hung mount. */
function deviceFds(pid: number): string[] {
  const dir = `/proc/${pid}/fd`
  try {
    return readdirSync(dir).filter((fd) => /\/fuse( \(deleted\))?$/.test(linkText(`${dir}/${fd}`)))
  } catch {
    return []
  }
}

function linkText(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
