import assert from 'node:assert/strict'
import { join } from 'node:path'
import { FatVolume, FileSource, formatFat32Sync } from '../../src/index.js'
import { random, run, scratch } from '../support/tools.js'

export const dir = scratch('fat')
export const MIB = 1 << 20
export const SIZE = 40 * MIB
export const NOW = Date.UTC(2024, 1, 29, 12, 34, 56)
let serial = 0

/** A name for a new image. */
export function newPath(): string {
  return join(dir, `${++serial}.img`)
}

export function newVolume(
  size = SIZE,
  label = 'TEST',
): { path: string; source: FileSource; volume: FatVolume } {
  const path = newPath()
  const source = FileSource.createSync(path, size)
  formatFat32Sync(source, { label, serial: 0x1234abcd, time: NOW })
  return { path, source, volume: FatVolume.openSync(source, { now: () => NOW }) }
}

/** fsck.vfat finds nothing to say but the counts. */
export function sound(path: string): void {
  const checked = run('fsck.vfat', ['-n', path])
  assert.equal(checked.status, 0, checked.out)
  assert.match(checked.out, /^fsck\.fat .*\n.*: \d+ files, \d+\/\d+ clusters\n$/)
}

export function noise(length: number, seed: number): Buffer {
  const next = random(seed)
  return Buffer.from(Uint8Array.from({ length }, () => next() * 256))
}
