import { type FuseMount, listMounts } from 'fusewire'
import { flag, parse } from '../arguments.js'
import { shown } from '../shown.js'
import { type Command, EXIT, UsageError } from '../usage.js'

const COLUMNS = ['MOUNT POINT', 'SOURCE', 'TYPE', 'UID', 'CONNECTION', 'WAITING', 'DAEMON'] as const

export const list: Command = {
  name: 'list',
  summary: 'every FUSE mount of the system, without touching one',
  options: ['--json'],
  words: [],
  help: `Usage: fusewire list [--json]

Lists every FUSE mount of this mount namespace, whoever made it: where, what, whose, the number
of its connection, how many requests wait for its daemon, and the daemon's process. No mount is
touched, so a hung one cannot hang the list. "-" stands for what cannot be known: waiting requests
are shown where /sys/fs/fuse/connections is mounted and readable, daemons from Linux 6.18 on.

Examples:
  fusewire list
  fusewire list --json | jq '.[] | select(.waiting > 0)'`,

  async run(args, out) {
    const parsed = parse('list', args, { json: { type: 'boolean' } })
    if (parsed.words.length > 0)
      throw new UsageError(`'${parsed.words[0]}' means nothing here`, 'fusewire list takes no words')
    const mounts = await listMounts()
    if (flag(parsed, 'json')) out.print(JSON.stringify(mounts, null, 2))
    else if (mounts.length === 0) out.print('no FUSE filesystem is mounted')
    else out.print(table(mounts))
    return EXIT.ok
  },
}

function table(mounts: readonly FuseMount[]): string {
  const rows = [COLUMNS as readonly string[], ...mounts.map(cells)]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cells(mount: FuseMount): string[] {
  const daemon = mount.daemons.map(({ pid, command }) => `${pid} ${command}`).join(', ')
  return [
    shown(mount.mountpoint) + (mount.visible ? '' : ' (covered)'),
    shown(mount.source),
    mount.type,
    String(mount.uid),
    String(mount.connectionId),
    mount.waiting === null ? '-' : String(mount.waiting),
    daemon === '' ? '-' : shown(daemon),
  ]
}
