import { DiskError } from '../../error.js'
import type { DirectoryEntry } from '../files/directory.js'
import { entryType, type FileType } from '../files/file-type.js'
import type { RecordVolume } from '../record-volume.js'
import { Dirent } from './stats.js'

/** Bytes of one step of a copy. */
const PIECE = 4 << 20

export function typeOf(volume: RecordVolume, entry: DirectoryEntry): FileType {
  return entryType(entry) ?? volume.status(entry.reference.number).type
}

/** The entries of a directory, on demand with those below it; `path` is the directory as the caller named it. */
export function* dirents(
  volume: RecordVolume,
  number: number,
  path: string,
  recursive: boolean,
): Generator<Dirent> {
  const waiting = [{ number, path }]
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const entry of volume.list(next.number)) {
      const type = typeOf(volume, entry)
      yield new Dirent(entry.name, next.path, type)
      if (recursive && type === 'directory') {
        waiting.push({
          number: entry.reference.number,
          path: `${next.path.replace(/\/$/, '')}/${entry.name}`,
        })
      }
    }
  }
}

/** Removes a name and, when it is a directory, everything below. Links are removed, not followed. */
export function removeTree(volume: RecordVolume, parent: number, name: string): void {
  const number = volume.lookup(parent, name)
  if (number === null) throw new DiskError('ENOENT', `no file '${name}'`)
  const { directory, type } = volume.status(number)
  if (!directory) {
    volume.unlink(parent, name)
    return
  }
  if (type === 'directory')
    for (const entry of [...volume.list(number)]) removeTree(volume, number, entry.name)
  volume.rmdir(parent, name)
}

/** Copies the contents, the times and the attributes of a file into another. */
export function copyContents(volume: RecordVolume, from: number, to: number): void {
  const { dataSize } = volume.status(from)
  volume.truncate(to, 0)
  const buffer = new Uint8Array(Math.min(PIECE, dataSize))
  for (let position = 0; position < dataSize; position += PIECE) {
    const length = volume.read(from, position, buffer)
    volume.write(to, position, buffer, 0, length)
  }
}
