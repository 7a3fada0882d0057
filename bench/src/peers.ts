// The servers that are compared, how each is started, and why one is left out.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
/** Where what the benchmarks build and install is kept between runs. */
export const CACHE = join(HERE, '..', '.cache')
const EXAMPLES = '/usr/share/doc/libfuse3-dev/examples'
const START_MS = 15_000

/** Which operations a server can answer: the one file of hello, or a whole directory. */
export type Family = 'hello' | 'files'

export interface Peer {
  readonly name: string
  readonly family: Family
  /** The command line that serves `dir` (showing `source`) in the foreground. */
  command(dir: string, source: string): readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Running {
  readonly peer: Peer
  readonly dir: string
  readonly process: ChildProcess
  readonly pid: number
}

export interface Found {
  readonly peers: readonly Peer[]
  /** Peers that this machine cannot run, each with the reason. */
  readonly missing: readonly string[]
}

/** Finds, builds and installs the peers. */
export function findPeers(): Found {
  mkdirSync(CACHE, { recursive: true })
  const peers: Peer[] = [...ours()]
  const missing: string[] = []
  for (const find of [libfuse, fuseNative]) {
    try {
      peers.push(...find())
    } catch (error) {
      missing.push((error as Error).message)
    }
  }
  return { peers, missing }
}

const server = (name: string, ...args: string[]) => [process.execPath, join(HERE, 'servers', name), ...args]

function ours(): Peer[] {
  return [
    { name: 'fusewire hello', family: 'hello', command: (dir) => server('hello.js', dir) },
    {
      name: 'fusewire passthrough',
      family: 'files',
      command: (dir, source) => server('passthrough.js', dir, source),
    },
    { name: 'fusewire memory', family: 'files', command: (dir) => server('memory.js', dir) },
  ]
}

/** The examples that Debian ships with libfuse3-dev, compiled as their own comments say. */
function libfuse(): Peer[] {
  const hello = example('hello_ll')
  const through = example('passthrough_ll')
  const files = (name: string, ...flags: string[]): Peer => ({
    name,
    family: 'files',
    command: (dir, source) => [through, '-f', ...flags, '-o', `source=${source},timeout=0`, dir],
  })
  return [
    { name: 'libfuse hello_ll -s', family: 'hello', command: (dir) => [hello, '-f', '-s', dir] },
    { name: 'libfuse hello_ll', family: 'hello', command: (dir) => [hello, '-f', dir] },
    files('libfuse passthrough_ll -s', '-s'),
    files('libfuse passthrough_ll'),
  ]
}

function example(name: string): string {
  const source = join(EXAMPLES, `${name}.c`)
  if (!existsSync(source)) throw new Error(`libfuse ${name}: install libfuse3-dev (${source} is missing)`)
  const target = join(CACHE, name)
  if (existsSync(target)) return target
  const flags = spawnSync('pkg-config', ['fuse3', '--cflags', '--libs'], { encoding: 'utf8' })
  if (flags.status !== 0)
    throw new Error(`libfuse ${name}: pkg-config does not know fuse3 (install libfuse3-dev pkg-config)`)
  execFileSync('cc', ['-O2', '-o', target, source, ...flags.stdout.trim().split(/\s+/)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return target
}

/** fuse-native from npm, without its install script: the prebuilt binary finds its own libfuse 2 by our link. */
function fuseNative(): Peer[] {
  const root = join(CACHE, 'fuse-native')
  const library = join(root, 'node_modules', 'fuse-native')
  if (!existsSync(library)) {
    mkdirSync(root, { recursive: true })
    const install = [
      'install',
      '--prefix',
      root,
      '--no-save',
      '--no-package-lock',
      '--ignore-scripts',
      'fuse-native@2.2.6',
    ]
    const done = spawnSync('npm', install, { encoding: 'utf8' })
    if (done.status !== 0)
      throw new Error(`fuse-native: npm cannot install it: ${done.stderr.split('\n')[0]}`)
  }
  const links = join(root, 'lib')
  const shared = join(root, 'node_modules', 'fuse-shared-library-linux', 'libfuse', 'lib', 'libfuse.so')
  if (!existsSync(shared)) throw new Error('fuse-native: it brings no libfuse for this machine')
  mkdirSync(links, { recursive: true })
  const link = join(links, 'libfuse.so.2')
  if (!existsSync(link)) symlinkSync(shared, link)
  const env = { LD_LIBRARY_PATH: links }
  return [
    {
      name: 'fuse-native hello',
      family: 'hello',
      env,
      command: (dir) => server('fuse-native.js', library, dir),
    },
    {
      name: 'fuse-native files',
      family: 'files',
      env,
      command: (dir, source) => server('fuse-native.js', library, dir, source),
    },
  ]
}

/** Starts a server on one CPU and waits until its mount is there. */
export async function start(peer: Peer, dir: string, source: string, cpu: number): Promise<Running> {
  const command = ['-c', String(cpu), ...peer.command(dir, source)]
  const child = spawn('taskset', command, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...peer.env },
  })
  const deadline = Date.now() + START_MS
  while (!isMounted(dir)) {
    if (child.exitCode !== null)
      throw new Error(`${peer.name} ended with code ${child.exitCode} before it had mounted`)
    if (Date.now() > deadline) throw new Error(`${peer.name} has not mounted in ${START_MS / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { peer, dir, process: child, pid: child.pid! }
}

const isMounted = (dir: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === dir)

/** Unmounts and waits for the server's end; a server that stays is killed. */
export async function stop({ dir, process: child }: Running): Promise<void> {
  spawnSync('umount', ['-l', dir], { timeout: 10_000 })
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  child.kill('SIGTERM')
  await ended
  clearTimeout(timer)
}
