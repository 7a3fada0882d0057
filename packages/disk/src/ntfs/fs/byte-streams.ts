import { Readable, Writable } from 'node:stream'
import { bytesOf, type Data, type FileHandle } from './file-handle.js'

export interface ReadStreamOptions {
  /** First byte. */
  start?: number
  /** Last byte, inclusive as in Node. */
  end?: number
  /** Bytes of a chunk. */
  highWaterMark?: number
}

/** The bytes of a file as a stream; the file is open while it is read. */
export function readStream(open: () => Promise<FileHandle>, options: ReadStreamOptions): Readable {
  const { start = 0, end = Number.POSITIVE_INFINITY, highWaterMark = 65536 } = options
  const chunks = async function* () {
    const handle = await open()
    try {
      for (let position = start; position <= end; ) {
        const length = Math.min(highWaterMark, end - position + 1)
        const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position)
        if (bytesRead === 0) return
        yield buffer.subarray(0, bytesRead)
        position += bytesRead
      }
    } finally {
      await handle.close()
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark })
}

/** @param start first byte, or null to append. */
export function writeStream(opened: Promise<FileHandle>, start: number | null): Writable {
  let position = start
  return new Writable({
    construct: (done) => {
      opened.then(() => done(), done)
    },
    write: (chunk: Data, encoding, done) => {
      const bytes = bytesOf(chunk, encoding)
      opened
        .then((handle) => handle.write(bytes, 0, bytes.length, position))
        .then(({ bytesWritten }) => {
          if (position !== null) position += bytesWritten
          done()
        }, done)
    },
    destroy: (error, done) => {
      opened
        .then((handle) => handle.close())
        .then(
          () => done(error),
          (failure) => done(error ?? failure),
        )
    },
  })
}
