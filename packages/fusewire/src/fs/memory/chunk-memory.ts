/** Chunks of full size kept for the next ones: as many as a stream of writes and deletions turns over. */
const SPARE_MAX = 16

/** Smaller memory is as quickly collected as freed. */
const FREE_FROM = 65536

const spare: Uint8Array[] = []

/** `ArrayBuffer.prototype.transfer`, which Node.js has from 22 on: frees memory without waiting for a collection. */
type Transferable = ArrayBufferLike & { transfer?: (bytes: number) => ArrayBuffer }

/** Memory of zeros. @throws RangeError when the machine has none left */
export function takeMemory(bytes: number, chunk: number): Uint8Array {
  const kept = bytes === chunk ? spare.pop() : undefined
  if (kept === undefined) return new Uint8Array(bytes)
  return kept.fill(0)
}

/** Gives memory back that nobody looks at any more. */
export function giveMemory(memory: Uint8Array, chunk: number): void {
  if (memory.length === chunk && spare.length < SPARE_MAX) {
    spare.push(memory)
    return
  }
  if (memory.length >= FREE_FROM) (memory.buffer as Transferable).transfer?.(0)
}
