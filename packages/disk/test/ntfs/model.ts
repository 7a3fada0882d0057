import assert from 'node:assert/strict'
import { DiskError } from '../../src/error.js'
import { Volume } from '../../src/ntfs/volume.js'
import type { Random } from './random.js'

/** A file of the model: several names may lead to it. */
export interface ModelFile {
  content: Uint8Array
  readonly streams: Map<string, Uint8Array>
}

export type ModelDirectory = Map<string, ModelFile | ModelDirectory>

/** What the longest file of the model may have: enough for clusters, holes and many runs. */
const SIZE_MAX = 400_000

function written(old: Uint8Array, position: number, bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(Math.max(old.length, position + bytes.length))
  result.set(old)
  result.set(bytes, position)
  return result
}

/** The same random operations on a volume and on a tree in memory. */
export class Model {
  readonly root: ModelDirectory = new Map()
  readonly #random: Random
  #names = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** Numbers on the volume follow from names, so the volume can be opened again between operations. */
  #walk(volume: Volume): { path: string[]; directory: ModelDirectory; number: number } {
    const path: string[] = []
    let directory = this.root
    let number = Volume.ROOT
    while (this.#random.next() < 0.6) {
      const below = [...directory].filter(([, node]) => node instanceof Map)
      if (below.length === 0) break
      const [name, node] = this.#random.pick(below)
      path.push(name)
      directory = node as ModelDirectory
      const next = volume.lookup(number, name)
      assert.ok(next !== null, `directory ${path.join('/')} is missing`)
      number = next
    }
    return { path, directory, number }
  }

  #newName(): string {
    const length = this.#random.next() < 0.1 ? 200 : 1 + this.#random.below(24)
    return `${this.#random.pick(['a', 'B', 'z', 'M', '\u00e9', '\u4e2d'])}${'x'.repeat(length)}${this.#names++}`
  }

  #pickFile(directory: ModelDirectory): [string, ModelFile] | null {
    const files = [...directory].filter((entry): entry is [string, ModelFile] => !(entry[1] instanceof Map))
    return files.length === 0 ? null : this.#random.pick(files)
  }

  /** One operation. */
  step(volume: Volume): string {
    const random = this.#random
    const here = this.#walk(volume)
    const kind = random.below(100)
    if (kind < 25) return this.#create(volume, here.directory, here.number)
    if (kind < 32) return this.#mkdir(volume, here.directory, here.number)
    if (kind < 36) return this.#rename(volume, here.directory, here.number)
    const picked = this.#pickFile(here.directory)
    if (picked === null) return this.#create(volume, here.directory, here.number)
    const [name, file] = picked
    const number = volume.lookup(here.number, name)
    assert.ok(number !== null, `${name} is missing`)
    if (kind < 65) return this.#write(volume, file, number)
    if (kind < 73) return this.#truncate(volume, file, number)
    if (kind < 76) return this.#space(volume, file, number)
    if (kind < 82) return this.#stream(volume, file, number)
    if (kind < 87) return this.#link(volume, file, number)
    volume.unlink(here.number, name)
    here.directory.delete(name)
    return `unlink ${name}`
  }

  #create(volume: Volume, directory: ModelDirectory, number: number): string {
    const name = this.#newName()
    volume.create(number, name)
    directory.set(name, { content: new Uint8Array(0), streams: new Map() })
    return `create ${name}`
  }

  #mkdir(volume: Volume, directory: ModelDirectory, number: number): string {
    const empty = [...directory].find(([, node]) => node instanceof Map && node.size === 0)
    if (empty !== undefined) {
      volume.rmdir(number, empty[0])
      directory.delete(empty[0])
      return `rmdir ${empty[0]}`
    }
    const name = this.#newName()
    volume.mkdir(number, name)
    directory.set(name, new Map())
    return `mkdir ${name}`
  }

  #rename(volume: Volume, directory: ModelDirectory, number: number): string {
    const names = [...directory.keys()]
    if (names.length === 0) return this.#create(volume, directory, number)
    const old = this.#random.pick(names)
    const target = this.#walk(volume)
    const name = this.#newName()
    try {
      volume.rename(number, old, target.number, name)
    } catch (error) {
      // A directory cannot move below itself; nothing else may fail.
      if (error instanceof DiskError && error.code === 'EINVAL') return `rename ${old} below itself`
      throw error
    }
    target.directory.set(name, directory.get(old) as ModelFile)
    directory.delete(old)
    return `rename ${old} ${name}`
  }

  #size(): number {
    return this.#random.below(this.#random.pick([100, 900, 5000, 70_000, SIZE_MAX]))
  }

  #write(volume: Volume, file: ModelFile, number: number): string {
    const position = this.#random.next() < 0.5 ? file.content.length : this.#size()
    const bytes = this.#random.bytes(Math.min(this.#size(), Math.max(0, SIZE_MAX - position)))
    volume.write(number, position, bytes)
    if (bytes.length > 0) file.content = written(file.content, position, bytes)
    return `write ${number} ${position} ${bytes.length}`
  }

  #truncate(volume: Volume, file: ModelFile, number: number): string {
    const size = this.#size()
    volume.truncate(number, size)
    const content = new Uint8Array(size)
    content.set(file.content.subarray(0, size))
    file.content = content
    return `truncate ${number} ${size}`
  }

  /** Holes and room taken ahead; both leave bytes that are known. */
  #space(volume: Volume, file: ModelFile, number: number): string {
    const position = this.#size()
    const length = 1 + this.#size()
    if (this.#random.next() < 0.5) {
      volume.punch(number, position, length)
      file.content = file.content.slice()
      file.content.fill(0, position, position + length)
      return `punch ${number} ${position} ${length}`
    }
    const keepSize = this.#random.next() < 0.5
    volume.allocate(number, position, length, keepSize)
    if (!keepSize)
      file.content = written(
        file.content,
        Math.max(file.content.length, position + length),
        new Uint8Array(0),
      )
    return `allocate ${number} ${position} ${length} ${keepSize}`
  }

  #stream(volume: Volume, file: ModelFile, number: number): string {
    const name = `s${this.#random.below(6)}`
    if (file.streams.has(name) && this.#random.next() < 0.3) {
      volume.removeStream(number, name)
      file.streams.delete(name)
      return `remove stream ${number} ${name}`
    }
    const bytes = this.#random.bytes(this.#random.below(3000))
    volume.createStream(number, name)
    volume.truncate(number, 0, name)
    volume.write(number, 0, bytes, 0, bytes.length, name)
    file.streams.set(name, bytes)
    return `stream ${number} ${name} ${bytes.length}`
  }

  #link(volume: Volume, file: ModelFile, number: number): string {
    const target = this.#walk(volume)
    const name = this.#newName()
    volume.link(number, target.number, name)
    target.directory.set(name, file)
    return `link ${number} ${name}`
  }

  /** Compares a directory and everything below with the volume. */
  compare(
    volume: Volume,
    directory: ModelDirectory = this.root,
    number: number = Volume.ROOT,
    path = '',
  ): void {
    const names = [...volume.list(number)].map((entry) => entry.name)
    assert.deepEqual([...names].sort(), [...directory.keys()].sort(), `names in /${path}`)
    for (const [name, node] of directory) {
      const child = volume.lookup(number, name)
      assert.ok(child !== null)
      if (node instanceof Map) this.compare(volume, node, child, `${path}${name}/`)
      else compareFile(volume, node, child, path + name)
    }
  }
}

function readAll(volume: Volume, number: number, stream: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  assert.equal(volume.read(number, 0, bytes, 0, size, stream), size)
  return bytes
}

function compareFile(volume: Volume, file: ModelFile, number: number, path: string): void {
  const status = volume.status(number)
  assert.equal(status.dataSize, file.content.length, `size of ${path}`)
  assert.ok(
    Buffer.from(readAll(volume, number, '', status.dataSize)).equals(file.content),
    `contents of ${path}`,
  )
  const named = volume.streams(number).filter((stream) => stream.name !== '')
  assert.deepEqual(named.map((stream) => stream.name).sort(), [...file.streams.keys()].sort())
  for (const [name, bytes] of file.streams) {
    assert.ok(Buffer.from(readAll(volume, number, name, bytes.length)).equals(bytes), `${path}:${name}`)
  }
}
