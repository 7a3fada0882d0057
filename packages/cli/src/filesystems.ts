import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Directory,
  type FileSystem,
  FileSystem as FileSystemClass,
  memory,
  nearest,
  PathFileSystem,
  passthrough,
  tree,
} from 'fusewire'
import { ModuleError } from './errors.js'
import { shown } from './shown.js'
import { UsageError } from './usage.js'

/** The own options of filesystems, `--size 1G` or `-o size=1G` alike. */
export type FilesystemOptions = ReadonlyMap<string, string>

/** A filesystem that `fusewire mount NAME` can serve. */
export interface Kind {
  readonly name: string
  readonly usage: string
  readonly summary: string
  /** Fewest and most words between the name and the mount point. */
  readonly words: readonly [number, number]
  /** Its own options, each with a value. */
  readonly options: readonly string[]
  /** `dir` is the mount point, for those that show what lies under it. */
  open(
    words: readonly string[],
    dir: string,
    options: FilesystemOptions,
  ): Promise<FileSystem | PathFileSystem>
}

const hello: Kind = {
  name: 'hello',
  usage: 'hello DIR',
  summary: 'one file that says hello',
  words: [0, 0],
  options: [],
  open: async () => tree({ hello: 'hello from fusewire\n' }),
}

const memoryKind: Kind = {
  name: 'memory',
  usage: 'memory DIR',
  summary: 'files in memory, gone at the end (--size 1G, --inodes N)',
  words: [0, 0],
  options: ['size', 'inodes'],
  async open(_words, _dir, options) {
    const size = options.get('size')
    const inodes = options.get('inodes')
    const given = {
      ...(size === undefined ? {} : { size }),
      ...(inodes === undefined ? {} : { inodes: wholeNumber('inodes', inodes) }),
    }
    try {
      return memory(given)
    } catch (error) {
      throw new UsageError((error as Error).message, 'see: fusewire mount --help')
    }
  },
}

const treeKind: Kind = {
  name: 'tree',
  usage: 'tree FILE DIR',
  summary: 'a tree from a JSON file (objects and texts) or a module that exports one',
  words: [1, 1],
  options: [],
  async open([path]) {
    return extname(path!) === '.json' ? tree(await fromJson(path!)) : fromModule(path!)
  },
}

const passthroughKind: Kind = {
  name: 'passthrough',
  usage: 'passthrough [SRC] DIR',
  summary: 'another directory, or the one that DIR covers',
  words: [0, 1],
  options: [],
  open: async ([source], dir) => passthrough(source ?? dir),
}

export const FILESYSTEMS: readonly Kind[] = [hello, memoryKind, treeKind, passthroughKind]

export function kindNamed(name: string | undefined): Kind {
  const kind = FILESYSTEMS.find((known) => known.name === name)
  if (kind !== undefined) return kind
  const names = FILESYSTEMS.map((known) => known.name)
  if (name === undefined) throw new UsageError('no filesystem was named', `there are: ${names.join(', ')}`)
  const near = nearest(name, names)
  const cure = near === undefined ? `there are: ${names.join(', ')}` : `did you mean '${near}'?`
  throw new UsageError(`unknown filesystem '${name}'`, cure)
}

function wholeNumber(option: string, value: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new UsageError(`--${option} cannot be '${value}'`, 'give a whole number')
}

/** Objects are directories and texts are files; whatever else JSON can say has no place in a tree. */
async function fromJson(path: string): Promise<Directory> {
  const text = await readFile(path, 'utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UsageError(
      `${path} is not JSON: ${(error as Error).message}`,
      'mend the file, or give a .js module',
    )
  }
  checkTree(value, path)
  return value
}

/** Deeper than any path of PATH_MAX bytes can reach. */
const DEPTH_MAX = 2048

function checkTree(value: unknown, where: string, depth = 0): asserts value is Directory {
  if (depth > DEPTH_MAX) {
    throw new UsageError(`the tree is more than ${DEPTH_MAX} directories deep`, 'no path could reach the end')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${where} is no object`, 'write directories as objects and files as texts')
  }
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry !== 'string') checkTree(entry, `${where}: ${name}`, depth + 1)
  }
}

/** What a module exports by default, called where it is a function. Its own failure is not one of fusewire. */
async function exportOf(path: string): Promise<unknown> {
  // When nothing is left that could go on, Node.js ends a process that still waits, without a word.
  const silent = (): void => void process.stderr.write(`fusewire: ${shown(path)} never finished loading\n`)
  process.once('exit', silent)
  try {
    const module = (await import(pathToFileURL(resolve(path)).href)) as { default?: unknown }
    const given = module.default
    return typeof given === 'function' ? await (given as () => unknown)() : given
  } catch (error) {
    throw new ModuleError(path, error)
  } finally {
    process.off('exit', silent)
  }
}

/** A module's default export: a filesystem, a tree, or a function that gives one of them. */
async function fromModule(path: string): Promise<FileSystem | PathFileSystem> {
  const value = await exportOf(path)
  if (value instanceof FileSystemClass || value instanceof PathFileSystem) return value
  if (typeof value !== 'object' || value === null) {
    throw new UsageError(
      `${path} exports no tree`,
      'export default an object, a filesystem, or a function that gives one',
    )
  }
  return tree(value as Directory)
}
