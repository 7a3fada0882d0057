// Medians, ratios against the peers, and how they are printed.
import { median, type Operation, type Sample } from './measure.js'
import type { Running } from './peers.js'

export interface Row {
  readonly operation: string
  readonly server: string
  /** Operations a second, median of the rounds. */
  readonly speed: number
  readonly mibPerSecond: number | undefined
  /** CPU microseconds of the server for one operation. */
  readonly cpu: number
  /** Ratio of our speed to the best libfuse mode of the same operation, and to fuse-native; of our own rows only. */
  readonly toLibfuse: number | undefined
  readonly toFuseNative: number | undefined
}

export function rowsOf(
  operations: readonly Operation[],
  running: readonly Running[],
  samples: ReadonlyMap<string, readonly Sample[]>,
): Row[] {
  return operations.flatMap((operation) => {
    const servers = running
      .filter(({ peer }) => peer.family === operation.family)
      .map(({ peer }) => {
        const all = samples.get(`${operation.name} ${peer.name}`) ?? []
        return { name: peer.name, speed: median(all.map((s) => s.speed)), cpu: median(all.map((s) => s.cpu)) }
      })
    const best = (prefix: string): number =>
      Math.max(...servers.filter(({ name }) => name.startsWith(prefix)).map(({ speed }) => speed))
    return servers.map(({ name, speed, cpu }) => {
      const own = name.startsWith('fusewire')
      const ratio = (peer: string) => (own && best(peer) > 0 ? speed / best(peer) : undefined)
      return {
        operation: operation.label,
        server: name,
        speed,
        mibPerSecond: operation.bytes === 0 ? undefined : (speed * operation.bytes) / (1 << 20),
        cpu,
        toLibfuse: ratio('libfuse'),
        toFuseNative: ratio('fuse-native'),
      }
    })
  })
}

const HEAD = ['operation', 'server', 'ops/s', 'MiB/s', 'server us/op', 'x libfuse', 'x fuse-native']

export function printTable(rows: readonly Row[]): void {
  const cells = [
    HEAD,
    ...rows.map((row) => [
      row.operation,
      row.server,
      row.speed.toFixed(0),
      row.mibPerSecond?.toFixed(0) ?? '',
      row.cpu.toFixed(2),
      row.toLibfuse?.toFixed(2) ?? '',
      row.toFuseNative?.toFixed(2) ?? '',
    ]),
  ]
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  for (const row of cells) {
    console.log(
      row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
  }
}
