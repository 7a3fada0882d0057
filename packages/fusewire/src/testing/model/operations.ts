import { createHash } from 'node:crypto'
import type { Random } from '../kernel/random.js'
import type { FsShape, HandleShape, StatsShape } from '../posix-fs.js'

/** One random operation, as data, so that it can be printed and run again. Paths are relative to the run's directory. */
export type Operation =
  | { op: 'writeFile' | 'appendFile'; path: string; length: number; fill: number }
  | { op: 'mkdir' | 'chmod'; path: string; mode: number }
  | { op: 'rmdir' | 'unlink' | 'stat' | 'lstat' | 'readdir' | 'readFile' | 'readlink'; path: string }
  | { op: 'rename' | 'link' | 'symlink' | 'copyFile'; path: string; to: string }
  | { op: 'truncate'; path: string; length: number }
  | { op: 'utimes'; path: string; seconds: number }
  | { op: 'open'; path: string; slot: number; flags: string }
  | { op: 'read' | 'write'; slot: number; position: number | null; length: number; fill: number }
  | { op: 'ftruncate'; slot: number; length: number }
  | { op: 'fstat' | 'close'; slot: number }

type Name = Operation['op']

/** How often each operation comes, so that trees grow and are not torn down at once. */
const WEIGHTS: Readonly<Record<Name, number>> = {
  writeFile: 10,
  appendFile: 6,
  mkdir: 8,
  chmod: 3,
  rmdir: 3,
  unlink: 6,
  stat: 2,
  lstat: 2,
  readdir: 3,
  readFile: 5,
  readlink: 1,
  rename: 10,
  link: 6,
  symlink: 4,
  copyFile: 2,
  truncate: 5,
  utimes: 2,
  open: 7,
  read: 6,
  write: 8,
  ftruncate: 3,
  fstat: 2,
  close: 5,
}

const BAG = (Object.keys(WEIGHTS) as Name[]).flatMap((name) => new Array<Name>(WEIGHTS[name]).fill(name))
const NAMES = ['a', 'b', 'c', 'd']
const FLAGS = ['r', 'r+', 'w', 'w+', 'wx', 'a', 'a+']
const MODES = [0o600, 0o644, 0o755, 0o700, 0o777]
/** Open files at the same time. */
const SLOTS = 4
/** Around pages, and around what one request carries. */
const LENGTHS = [0, 1, 10, 4095, 4096, 4097, 10_000, 131_073]

/** A path of one to three names: few, so that operations meet. */
const path = (random: Random): string =>
  Array.from({ length: 1 + Math.floor(random.next() ** 2 * 3) }, () => random.pick(NAMES)).join('/')

/** The next operation of a seed. */
export function randomOperation(random: Random): Operation {
  const op = random.pick(BAG)
  const slot = random.below(SLOTS)
  const length = random.pick(LENGTHS)
  switch (op) {
    case 'writeFile':
    case 'appendFile':
      return { op, path: path(random), length, fill: random.below(256) }
    case 'mkdir':
    case 'chmod':
      return { op, path: path(random), mode: op === 'mkdir' ? 0o777 : random.pick(MODES) }
    case 'rename':
    case 'link':
    case 'copyFile':
      return { op, path: path(random), to: path(random) }
    case 'symlink':
      return {
        op,
        path: random.chance(0.5) ? random.pick(NAMES) : `../${random.pick(NAMES)}`,
        to: path(random),
      }
    case 'truncate':
      return { op, path: path(random), length: random.below(20_000) }
    case 'utimes':
      return { op, path: path(random), seconds: random.below(2_000_000_000) }
    case 'open':
      return { op, path: path(random), slot, flags: random.pick(FLAGS) }
    case 'read':
    case 'write': {
      const position = random.chance(0.3) ? null : random.below(20_000)
      return { op, slot, position, length, fill: random.below(256) }
    }
    case 'ftruncate':
      return { op, slot, length: random.below(20_000) }
    case 'fstat':
    case 'close':
      return { op, slot }
    default:
      return { op, path: path(random) }
  }
}

const content = (length: number, fill: number): Buffer => {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) bytes[i] = (fill + i) & 0xff
  return bytes
}

export const digest = (data: Uint8Array): string =>
  `${data.length} bytes ${createHash('sha1').update(data).digest('hex').slice(0, 12)}`

/** What a run compares of attributes: not inode numbers, nor sizes and link counts of directories. */
export function shown(stats: StatsShape): string {
  const mode = stats.mode.toString(8)
  return stats.isDirectory() ? mode : `${mode} links ${stats.nlink} size ${stats.size}`
}

/** One filesystem during a run: its directory and its open files. */
export class Actor {
  readonly fs: FsShape
  readonly directory: string
  readonly #handles = new Map<number, HandleShape>()

  constructor(fs: FsShape, directory: string) {
    this.fs = fs
    this.directory = directory
  }

  /** Runs an operation; its result, or the name of its error, as text. */
  async run(operation: Operation): Promise<string> {
    try {
      return 'slot' in operation ? await this.#file(operation) : await this.#path(operation)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error
      return code
    }
  }

  async closeAll(): Promise<void> {
    for (const handle of this.#handles.values()) await handle.close()
    this.#handles.clear()
  }

  async #path(operation: Exclude<Operation, { slot: number }>): Promise<string> {
    const { fs } = this
    const at = (name: string): string => `${this.directory}/${name}`
    const path = at(operation.path)
    switch (operation.op) {
      case 'writeFile':
      case 'appendFile':
        await fs[operation.op](path, content(operation.length, operation.fill))
        return 'done'
      case 'mkdir':
      case 'chmod':
        await fs[operation.op](path, operation.mode)
        return 'done'
      case 'rename':
      case 'link':
        await fs[operation.op](path, at(operation.to))
        return 'done'
      case 'copyFile':
        return this.#copy(path, at(operation.to))
      case 'symlink':
        await fs.symlink(operation.path, at(operation.to))
        return 'done'
      case 'truncate':
        await fs.truncate(path, operation.length)
        return 'done'
      case 'utimes':
        await fs.utimes(path, operation.seconds, operation.seconds)
        return `${(await fs.stat(path)).mtimeMs}`
      case 'readdir':
        return (await fs.readdir(path)).sort().join(',')
      case 'readFile':
        return digest(await fs.readFile(path))
      case 'readlink':
        return fs.readlink(path)
      case 'stat':
      case 'lstat':
        return shown(await fs[operation.op](path))
      default:
        await fs[operation.op](path)
        return 'done'
    }
  }

  /** Not fs.copyFile, which libuv makes of other calls on each system. */
  async #copy(from: string, to: string): Promise<string> {
    const data = await this.fs.readFile(from)
    await this.fs.writeFile(to, data)
    return digest(data)
  }

  async #file(operation: Extract<Operation, { slot: number }>): Promise<string> {
    const { slot } = operation
    if (operation.op === 'open') {
      await this.#close(slot)
      this.#handles.set(slot, await this.fs.open(`${this.directory}/${operation.path}`, operation.flags))
      return 'done'
    }
    const handle = this.#handles.get(slot)
    if (handle === undefined) return 'not open'
    switch (operation.op) {
      case 'close':
        await this.#close(slot)
        return 'done'
      case 'fstat':
        return shown(await handle.stat())
      case 'ftruncate':
        await handle.truncate(operation.length)
        return 'done'
      case 'write': {
        const data = content(operation.length, operation.fill)
        return `${(await handle.write(data, 0, data.length, operation.position)).bytesWritten}`
      }
      case 'read': {
        const buffer = Buffer.alloc(operation.length)
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, operation.position)
        return digest(buffer.subarray(0, bytesRead))
      }
    }
  }

  async #close(slot: number): Promise<void> {
    const handle = this.#handles.get(slot)
    this.#handles.delete(slot)
    await handle?.close()
  }
}
