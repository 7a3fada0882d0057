import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check } from '../../src/ntfs/check/check.js'
import { Volume } from '../../src/ntfs/volume.js'
import { BaseSource } from '../../src/source/base.js'
import { MemorySource } from '../../src/source/memory.js'
import { Random, seed } from './random.js'

const SIZE = 6 << 20
const SECTOR = 512

type Event = { position: number; bytes: Uint8Array } | 'flush'

/** A disk that remembers in which order what was written, and where the barriers were. */
class RecordingSource extends BaseSource {
  readonly events: Event[] = []
  readonly #memory: MemorySource

  constructor(memory: MemorySource) {
    super(memory.size, 512, false)
    this.#memory = memory
  }

  protected override doRead(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.#memory.readSync(position, buffer, offset, length)
  }

  protected override doWrite(position: number, buffer: Uint8Array, offset: number, length: number): void {
    this.events.push({ position, bytes: buffer.slice(offset, offset + length) })
    this.#memory.writeSync(position, buffer, offset, length)
  }

  protected override doFlush(): void {
    this.events.push('flush')
  }
}

/** Paths and contents of everything on a volume; streams as `path:name`. */
function snapshot(volume: Volume): Map<string, string> {
  const found = new Map<string, string>()
  const visit = (number: number, path: string) => {
    for (const entry of volume.list(number)) {
      const child = entry.reference.number
      const name = `${path}/${entry.name}`
      if (volume.status(child).directory) {
        found.set(name, 'directory')
        visit(child, name)
        continue
      }
      for (const { name: stream, size } of volume.streams(child)) {
        const bytes = Buffer.alloc(size)
        volume.read(child, 0, bytes, 0, size, stream)
        found.set(stream === '' ? name : `${name}:${stream}`, bytes.toString('base64'))
      }
    }
  }
  visit(Volume.ROOT, '')
  return found
}

/** Makes, renames and removes files: contents that were synced are never overwritten, so a sync has one outcome. */
function change(volume: Volume, random: Random, step: number): void {
  const directories = [Volume.ROOT]
  const names: [number, string, number][] = []
  for (const parent of directories) {
    for (const entry of volume.list(parent)) {
      const { number } = entry.reference
      names.push([parent, entry.name, number])
      if (volume.status(number).directory) directories.push(number)
    }
  }
  const parent = random.pick(directories)
  const name = `${random.pick(['a', 'm', 'z'])} name that takes room ${step} ${'.'.repeat(random.below(80))}x`
  const kind = random.below(10)
  if (kind < 5 || names.length === 0) {
    const file = volume.create(parent, name)
    volume.write(file, 0, random.bytes(random.below(random.pick([50, 700, 9000, 60_000]))))
    if (kind === 0) {
      volume.createStream(file, 'stream')
      volume.write(file, 0, random.bytes(300), 0, 300, 'stream')
    }
  } else if (kind < 6) volume.mkdir(parent, name)
  else {
    const [from, old, number] = random.pick(names)
    const { directory } = volume.status(number)
    if (kind < 8 && !directory) volume.rename(from, old, parent, name)
    else if (!directory) volume.unlink(from, old)
    else if (volume.list(number).next().done === true) volume.rmdir(from, old)
  }
}

interface Session {
  readonly initial: Buffer
  readonly events: readonly Event[]
  /** State after each sync, and how many events there were then. */
  readonly synced: { readonly events: number; readonly state: Map<string, string> }[]
}

function record(random: Random): Session {
  const memory = new MemorySource(SIZE)
  Volume.format(memory)
  const initial = Buffer.alloc(SIZE)
  memory.readSync(0, initial)
  const source = new RecordingSource(memory)
  const volume = Volume.open(source)
  const synced = [{ events: 0, state: new Map<string, string>() }]
  for (let step = 0; step < 90; step++) {
    change(volume, random, step)
    if (random.below(8) > 0) continue
    volume.flush()
    synced.push({ events: source.events.length, state: snapshot(volume) })
  }
  volume.close()
  synced.push({ events: source.events.length, state: snapshot(Volume.open(memory, { readOnly: true })) })
  return { initial, events: source.events, synced }
}

/** Writes sectors of a write: all of them, or those that a random half keeps. */
function put(
  image: Buffer,
  write: { position: number; bytes: Uint8Array },
  keep: (sector: number) => boolean,
): void {
  for (let o = 0; o < write.bytes.length; o += SECTOR) {
    if (keep(o / SECTOR)) image.set(write.bytes.subarray(o, o + SECTOR), write.position + o)
  }
}

/** The disk after a power cut before event `cut`: what a barrier covers is there, of the rest some sectors. */
function imageAt(session: Session, cut: number, random: Random): Buffer {
  const image = Buffer.from(session.initial)
  const barrier = session.events.slice(0, cut).lastIndexOf('flush')
  const manner = random.below(3)
  session.events.slice(0, cut).forEach((event, index) => {
    if (event === 'flush') return
    if (index < barrier || manner === 0) put(image, event, () => true)
    else if (manner === 1) put(image, event, () => random.next() < 0.5)
    // The last write torn at one sector, everything before it complete.
    else if (index < cut - 1) put(image, event, () => true)
    else {
      const torn = random.below(event.bytes.length / SECTOR + 1)
      put(image, event, (sector) => sector < torn)
    }
  })
  return image
}

describe('a power cut', () => {
  test('leaves the state of the last sync or that of the next one, whole', (t) => {
    const start = seed()
    t.diagnostic(`SEED=${start}`)
    const random = new Random(start)
    const session = record(random)
    for (let run = 0; run < 150; run++) {
      const cut = random.below(session.events.length + 1)
      const source = MemorySource.from(imageAt(session, cut, random))
      const state = snapshot(Volume.open(source, { force: true }))
      const before = session.synced.findLastIndex(({ events }) => events <= cut)
      const allowed = [session.synced[before]?.state, session.synced[before + 1]?.state]
      const matches = allowed.filter((expected) => {
        return expected !== undefined && [...expected].sort().join() === [...state].sort().join()
      })
      assert.ok(matches.length > 0, `cut before event ${cut} of ${session.events.length}`)
      const lost = /clusters marked as used that no file has|the volume is marked dirty/
      const findings = check(source).findings.filter(({ what }) => !lost.test(what))
      assert.deepEqual(findings, [], `cut before event ${cut} of ${session.events.length}`)
      assert.deepEqual(Volume.repair(source).check.findings, [], `repaired after event ${cut}`)
      const mended = Volume.open(source)
      assert.equal(mended.readOnly, false)
      assert.deepEqual([...snapshot(mended)].sort(), [...state].sort())
    }
  })
})
