// `npm run bench`: fusewire against real peers in the same run, everything on one CPU, rounds interleaved.
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Garbage, machine, measureGarbage } from './garbage.js'
import { OPERATIONS, type Operation, residentMiB, type Sample, sample } from './measure.js'
import { findPeers, type Peer, type Running, start, stop } from './peers.js'
import { printTable, type Row, rowsOf } from './table.js'

const HELP = `Usage: npm run bench -- [--rounds N] [--ms N] [--cpu N] [--only OPERATION,...] [--json FILE]

Starts fusewire, libfuse's examples and fuse-native side by side, all pinned to one CPU together with the
client, and measures each operation round by round, so that a slower minute slows all of them.

  --rounds N   rounds (default 7); medians and ratios of medians are printed
  --ms N       milliseconds of each measurement (default 300)
  --cpu N      the CPU (default 0)
  --only A,B   some of: ${OPERATIONS.map(({ name }) => name).join(', ')}, garbage
  --json FILE  also save everything as JSON (default bench/results/latest.json)`

const SHM = '/dev/shm'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    ms: { type: 'string', default: '300' },
    cpu: { type: 'string', default: '0' },
    only: { type: 'string' },
    json: { type: 'string', default: 'bench/results/latest.json' },
    help: { type: 'boolean' },
  },
})
if (values.help) console.log(HELP)
else await main(Number(values.rounds), Number(values.ms), Number(values.cpu), values.only?.split(','))

async function main(rounds: number, ms: number, cpu: number, only: string[] | undefined): Promise<void> {
  const operations = OPERATIONS.filter(({ name }) => only === undefined || only.includes(name))
  const { peers, missing } = findPeers()
  for (const reason of missing) console.log(`left out: ${reason}`)
  console.log(machine())
  // In memory, so that no disk is measured, and because O_DIRECT there asks for no alignment of the servers' buffers.
  const folder = mkdtempSync(join(existsSync(SHM) ? SHM : tmpdir(), 'fusewire-bench-'))
  const running: Running[] = []
  let rows: Row[] = []
  try {
    const source = makeSource(folder)
    for (const peer of peers) running.push(await begin(peer, folder, source, cpu))
    const samples = measureAll(running, operations, rounds, ms, cpu)
    rows = rowsOf(operations, running, samples)
    printTable(rows)
    for (const { peer, pid } of running)
      console.log(`${peer.name}: ${residentMiB(pid).toFixed(0)} MiB resident`)
  } finally {
    for (const each of running) await stop(each)
    rmSync(folder, { recursive: true, force: true })
  }
  let garbage: Garbage | undefined
  if (only === undefined || only.includes('garbage')) {
    garbage = await measureGarbage(cpu)
    const { requests, scavenges, markCompacts } = garbage
    console.log(
      `${requests} requests on the inode interface: ${scavenges} scavenges, ${markCompacts} full collections, ` +
        `${garbage.residentMiB.toFixed(0)} MiB resident`,
    )
  }
  save(values.json, { machine: machine(), rounds, ms, rows, garbage })
}

/** What the servers show: a small file, a large one, one to write to, and a directory of 1,000 names. */
function makeSource(folder: string): string {
  const source = join(folder, 'source')
  mkdirSync(join(source, 'list'), { recursive: true })
  writeFileSync(join(source, 'hello'), 'Hello World!\n')
  for (const name of ['big', 'out']) writeFileSync(join(source, name), Buffer.alloc(64 << 20, name))
  for (let i = 0; i < 1000; i++) writeFileSync(join(source, 'list', `name-${i}`), '')
  return source
}

async function begin(peer: Peer, folder: string, source: string, cpu: number): Promise<Running> {
  const dir = join(folder, peer.name.replace(/\W+/g, '-'))
  mkdirSync(dir)
  const running = await start(peer, dir, source, cpu)
  // A filesystem of its own memory has to be filled first.
  if (peer.name === 'fusewire memory') {
    cpSync(source, dir, { recursive: true })
    truncateSync(join(dir, 'out'), 64 << 20)
  }
  return running
}

function measureAll(
  running: readonly Running[],
  operations: readonly Operation[],
  rounds: number,
  ms: number,
  cpu: number,
): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>()
  for (let round = -1; round < rounds; round++) {
    for (const operation of operations) {
      for (const each of running) {
        if (each.peer.family !== operation.family) continue
        // The first round warms everything up and is not counted.
        const result = sample(each, operation.name, round < 0 ? Math.min(ms, 200) : ms, cpu)
        if (round < 0) continue
        const key = `${operation.name} ${each.peer.name}`
        samples.set(key, [...(samples.get(key) ?? []), result])
      }
    }
    if (process.stderr.isTTY) process.stderr.write(`\rround ${round + 1} of ${rounds}`)
    else console.error(`round ${round + 1} of ${rounds}`)
  }
  return samples
}

function save(file: string, result: unknown): void {
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`saved ${file}`)
}
