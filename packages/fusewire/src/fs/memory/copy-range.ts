import type { Content } from './content.js'

/**
 * Copies `length` bytes between two files (or inside one, the ranges apart). Holes are copied as holes. Answers the
 * number of bytes copied, fewer when the source ends or space runs out, or a negative errno when none could be.
 */
export function copyRange(
  source: Content,
  offset: number,
  target: Content,
  targetOffset: number,
  length: number,
): number {
  const end = Math.min(offset + length, source.size)
  const shift = targetOffset - offset
  let at = offset
  while (at < end) {
    const data = source.seek(at, true)
    const dataStart = data < 0 ? end : Math.min(data, end)
    if (dataStart > at) {
      target.punch(at + shift, dataStart + shift)
      target.size = Math.max(target.size, dataStart + shift)
      at = dataStart
      continue
    }
    const hole = Math.min(end, source.seek(at, false))
    const written = source.piece(at, hole - at, (bytes, from, to) => {
      if (source !== target) return target.write(at + shift, bytes, from, to)
      // Writing may move the file's memory, and with it the bytes that are to be written.
      return target.write(at + shift, bytes.slice(from, to))
    })
    if (written <= 0) return at > offset ? at - offset : written
    at += written
  }
  return Math.max(0, at - offset)
}
