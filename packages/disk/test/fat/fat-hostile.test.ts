import { describe, it } from 'node:test'
import { FatVolume, formatFat32Sync, MemorySource, SliceSource } from '../../src/index.js'
import { BytesSource, coded, random } from '../support/tools.js'
import { MIB, NOW, noise } from './volumes.js'

/** A volume with files, a directory and long names, for damage. */
async function sample(): Promise<Uint8Array> {
  const bytes = new Uint8Array(34 * MIB)
  const source = new BytesSource(bytes)
  formatFat32Sync(source, { label: 'H', serial: 1, time: NOW })
  const volume = FatVolume.openSync(source, { now: () => NOW })
  await volume.fs.mkdir('/dir/inner', { recursive: true })
  await volume.fs.writeFile('/dir/inner/file', noise(5000, 1))
  await volume.fs.writeFile('/A long name for a file.txt', noise(70_000, 2))
  volume.closeSync()
  return bytes
}

describe('hostile FAT volumes', () => {
  it('a chain that loops, leaves the volume, or is too short', async () => {
    const bytes = await sample()
    const table = FatVolume.openSync(new BytesSource(bytes)).geometry.fatStart
    const view = new DataView(bytes.buffer)
    const first = 6
    for (const value of [first, first + 1, 0x0fffffff, 0, 1, 0x0ffffff0, 3]) {
      const saved = view.getUint32(table + first * 4, true)
      view.setUint32(table + first * 4, value, true)
      const volume = FatVolume.openSync(
        new SliceSource(new BytesSource(bytes), 0, bytes.length, { readOnly: true }),
      )
      for (const name of await volume.fs.readdir('/', { recursive: true })) {
        await volume.fs.readFile(`/${name}`).catch((error: unknown) => {
          if (!coded('EUCLEAN')(error) && !coded('EISDIR')(error)) throw error
        })
      }
      view.setUint32(table + first * 4, saved, true)
    }
  })

  it('any changed byte of boot sector, tables and directories gives bytes or a clear error, to reader and writer', async () => {
    const good = await sample()
    const { geometry } = FatVolume.openSync(new BytesSource(good))
    const areas = [
      0,
      geometry.fsInfo ?? 0,
      geometry.fatStart,
      geometry.dataStart,
      geometry.dataStart + geometry.clusterSize,
    ]
    const next = random(31)
    for (let round = 0; round < 120; round++) {
      const bytes = new BytesSource(
        good.slice(0, round % 50 === 49 ? Math.floor(next() * good.length) : 3 * MIB),
      )
      // The volume is larger than what is used of it: the rest reads as zeros.
      const whole = new MemorySource(round % 50 === 49 ? bytes.size : good.length)
      const head = new Uint8Array(Math.min(bytes.size, whole.size))
      bytes.readSync(0, head)
      const at = (areas[round % areas.length] ?? 0) + Math.floor(next() * 100)
      head[Math.min(at, head.length - 1)] = Math.floor(next() * 256)
      whole.writeSync(0, head)
      try {
        const volume = FatVolume.openSync(whole)
        for (const name of await volume.fs.readdir('/', { recursive: true })) {
          const stat = await volume.fs.stat(`/${name}`)
          if (stat.isFile()) await volume.fs.readFile(`/${name}`)
        }
        await volume.fs.writeFile('/new file', 'x')
        await volume.fs.rm('/dir', { recursive: true, force: true })
        volume.closeSync()
      } catch (error) {
        const known = error instanceof Error && error.name === 'DiskError'
        if (!known) throw new Error(`seed 31 round ${round}: byte ${at}`, { cause: error })
      }
    }
  })
})
