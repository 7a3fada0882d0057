import assert from 'node:assert/strict'

/** Messages of one round: at 32 bytes each 640 KB, which mostly fits between two garbage collections. */
const MESSAGES = 20_000
/** Rounds, of which the middle one counts: the first ones are not compiled yet, and some see a collection. */
const ROUNDS = 61

/** Bytes on the heap that one call of `run` makes, per message. */
export function bytesPerMessage(run: (count: number) => number): number {
  run(10 * MESSAGES)
  const grown: number[] = []
  let sum = 0
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed
    sum += run(MESSAGES)
    grown.push(process.memoryUsage().heapUsed - before)
  }
  assert(sum > 0)
  return (grown.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN) / MESSAGES
}
