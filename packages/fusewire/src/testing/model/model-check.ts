import { removeTree } from '../conformance/remove-tree.js'
import { Random } from '../kernel/random.js'
import type { FsShape } from '../posix-fs.js'
import { Actor, digest, type Operation, randomOperation, shown } from './operations.js'

/** A filesystem that takes part: the first of them is the model that the others must be like. */
export interface ModelTarget {
  readonly name: string
  readonly fs: FsShape
  /** A directory in which runs may make directories of their own. */
  readonly directory: string
}

export interface ModelCheckOptions {
  /** The same seed gives the same operations. */
  readonly seed: number
  readonly steps: number
  readonly targets: readonly ModelTarget[]
  /** After how many steps whole trees are compared; default 1. */
  readonly every?: number
  /** Runs that may be spent on making a failing list of operations shorter; default 100. */
  readonly shrinkRuns?: number
}

/** What a whole run did. */
export interface ModelSummary {
  readonly steps: number
  /** Operations that succeeded on all targets; the others failed on all alike. */
  readonly succeeded: number
}

/** Two filesystems did not do the same. */
export class ModelError extends Error {
  readonly seed: number
  /** The operations that lead to the difference, as few as could be found. */
  readonly operations: readonly Operation[]

  constructor(seed: number, difference: Difference, operations: readonly Operation[]) {
    const lines = operations.map((operation, i) => `  ${i + 1}. ${JSON.stringify(operation)}`)
    super(
      `seed ${seed}, step ${difference.step + 1}: ${difference.text}\nIt takes these operations:\n${lines.join('\n')}`,
    )
    this.name = 'ModelError'
    this.seed = seed
    this.operations = operations
  }
}

interface Difference {
  readonly step: number
  readonly text: string
}

let runs = 0

/**
 * Does the same random operations on several filesystems, and compares the results and the whole trees after each step.
 * @throws ModelError with the seed, the step and a short list of operations when two of them differ
 */
export async function modelCheck(options: ModelCheckOptions): Promise<ModelSummary> {
  const random = new Random(options.seed)
  const operations = Array.from({ length: options.steps }, () => randomOperation(random))
  const { difference, succeeded } = await run(options, operations)
  if (difference === null) return { steps: options.steps, succeeded }
  const short = await shrink(options, operations.slice(0, difference.step + 1))
  throw new ModelError(options.seed, difference, short)
}

/** Runs the operations in new directories. */
async function run(
  options: ModelCheckOptions,
  operations: readonly Operation[],
): Promise<{ difference: Difference | null; succeeded: number }> {
  const number = ++runs
  const actors: Actor[] = []
  const roots: string[] = []
  let succeeded = 0
  try {
    for (const { fs, directory } of options.targets) {
      // Links lead up one directory at most, and what is there belongs to the run too.
      const own = `${directory}/run-${number}`
      await fs.mkdir(own)
      actors.push(new Actor(fs, `${own}/tree`))
      roots.push(own)
      await fs.mkdir(`${own}/tree`)
    }
    for (const [step, operation] of operations.entries()) {
      const results = await Promise.all(actors.map((actor) => actor.run(operation)))
      const where = JSON.stringify(operation)
      const text = different(options.targets, results, where)
      if (text !== null) return { difference: { step, text }, succeeded }
      if (!/^E[A-Z]/.test(results[0] ?? '')) succeeded++
      if ((step + 1) % (options.every ?? 1) !== 0 && step + 1 < operations.length) continue
      const trees = await Promise.all(actors.map((actor, i) => tree(actor.fs, roots[i]!)))
      const unlike = different(options.targets, trees, `the tree after ${where}`)
      if (unlike !== null) return { difference: { step, text: unlike }, succeeded }
    }
    return { difference: null, succeeded }
  } finally {
    for (const [i, actor] of actors.entries()) {
      await actor.closeAll()
      await removeTree(actor.fs, roots[i]!)
    }
  }
}

function different(targets: readonly ModelTarget[], results: readonly string[], what: string): string | null {
  const other = results.findIndex((result) => result !== results[0])
  if (other < 0) return null
  return `${what}: ${targets[0]!.name} says ${results[0]}, ${targets[other]!.name} says ${results[other]}`
}

/** Everything below a directory as text, one line a node. */
async function tree(fs: FsShape, directory: string, prefix = ''): Promise<string> {
  const lines: string[] = []
  for (const name of (await fs.readdir(directory)).sort()) {
    const path = `${directory}/${name}`
    const stats = await fs.lstat(path)
    let more = ''
    if (stats.isSymbolicLink()) more = await fs.readlink(path)
    else if (stats.isFile()) more = digest(await fs.readFile(path))
    lines.push(`\n${prefix}${name}: ${shown(stats)} ${more}`)
    if (stats.isDirectory()) lines.push(await tree(fs, path, `${prefix}${name}/`))
  }
  return lines.join('')
}

/** Leaves out what is not needed for a difference: halves first, then smaller and smaller parts. */
async function shrink(
  options: ModelCheckOptions,
  operations: readonly Operation[],
): Promise<readonly Operation[]> {
  let left = options.shrinkRuns ?? 100
  let best = operations
  for (let size = Math.floor(best.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = best.length - 1 - size; at >= 0 && left > 0; at -= size) {
      const fewer = [...best.slice(0, at), ...best.slice(at + size)]
      left--
      const { difference } = await run(options, fewer)
      if (difference !== null) best = fewer.slice(0, difference.step + 1)
    }
  }
  return best
}
