import { DiskError } from '../../error.js'
import { RecordVolume } from '../record-volume.js'

/** What node:fs takes for a path. A URL's path is taken below the volume's root. */
export type PathLike = string | Buffer | URL

/** Links that are followed on one way, as Linux limits them (MAXSYMLINKS). */
const LINKS_MAX = 40

/** A place in the tree: a directory, a name in it, and the file there, if any. */
export interface Place {
  readonly parent: number
  /** Empty for the root itself. */
  readonly name: string
  readonly number: number | null
  /** The path without links, from the root. */
  readonly path: string
  /** The path ended in a slash: only a directory may stand there. */
  readonly directory: boolean
}

export function textOf(path: PathLike): string {
  const text = path instanceof URL ? decodeURIComponent(path.pathname) : path.toString()
  if (text === '') throw new DiskError('ENOENT', 'an empty path')
  if (text.includes('\0')) throw new DiskError('EINVAL', 'a path with a NUL character')
  return text
}

interface Step {
  readonly name: string
  readonly number: number
}

/** Walks a path through directories and links. */
class Resolver {
  readonly #volume: RecordVolume
  #links = 0
  /** From the root down to where the walk is. */
  #steps: Step[] = []
  #mustBeDirectory = false

  constructor(volume: RecordVolume) {
    this.#volume = volume
  }

  #here(): number {
    return this.#steps[this.#steps.length - 1]?.number ?? RecordVolume.ROOT
  }

  #place(name: string, number: number | null): Place {
    const names = this.#steps.map((step) => step.name)
    return {
      parent: this.#here(),
      name,
      number,
      path: `/${[...names, name].join('/')}`,
      directory: this.#mustBeDirectory,
    }
  }

  #rootPlace(): Place {
    const last = this.#steps.pop()
    if (last === undefined)
      return { parent: RecordVolume.ROOT, name: '', number: RecordVolume.ROOT, path: '/', directory: true }
    return this.#place(last.name, last.number)
  }

  walk(path: string, followLast: boolean): Place {
    if (path.startsWith('/')) this.#steps = []
    const names = path.split('/').filter((name) => name !== '' && name !== '.')
    this.#mustBeDirectory = path.endsWith('/') || path.endsWith('/.')
    for (let i = 0; i < names.length; i++) {
      const name = names[i] as string
      const last = i === names.length - 1
      if (name === '..') {
        this.#steps.pop()
        if (last) return this.#rootPlace()
        continue
      }
      const number = this.#volume.lookup(this.#here(), name)
      if (number === null) {
        if (last) return this.#place(name, null)
        throw new DiskError('ENOENT', `no directory '${name}' on the way`)
      }
      const target = last && !followLast && !this.#mustBeDirectory ? null : this.#volume.readLink(number)
      if (target !== null) {
        if (++this.#links > LINKS_MAX) throw new DiskError('ELOOP', 'too many links on the way')
        const rest = names.slice(i + 1).join('/')
        return this.walk(rest === '' ? target : `${target}/${rest}`, followLast)
      }
      if (last && !this.#mustBeDirectory) return this.#place(name, number)
      if (!this.#volume.status(number).directory)
        throw new DiskError('ENOTDIR', `'${name}' is not a directory`)
      this.#steps.push({ name, number })
    }
    return this.#rootPlace()
  }
}

/**
 * Finds a path; the last name need not exist. Relative paths start at the root.
 *
 * @param follow whether a link at the end is followed.
 * @throws `ENOENT`, `ENOTDIR`, `ELOOP` for what is on the way.
 */
export function resolve(volume: RecordVolume, path: PathLike, follow: boolean): Place {
  return new Resolver(volume).walk(textOf(path), follow)
}

/** As `resolve`, but the file must exist. */
export function existing(volume: RecordVolume, path: PathLike, follow: boolean): Place & { number: number } {
  const place = resolve(volume, path, follow)
  if (place.number === null) throw new DiskError('ENOENT', `no file '${place.name}'`)
  return { ...place, number: place.number }
}

/** Runs an operation; its error gets the system call and the path, as errors of node:fs have them. */
export function named<T>(syscall: string, path: PathLike, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof DiskError) || error.path !== undefined) throw error
    const what = error.message.replace(/^[A-Z]+: /, '')
    throw new DiskError(error.code, `${what}, ${syscall}`, { syscall, path: String(path), cause: error })
  }
}
