/** Reproducible random numbers (mulberry32): a failing test prints its seed. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }

  /** An integer in 0..n-1. */
  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** Bytes; `dull` ones repeat, so that they compress. */
  bytes(length: number, dull = false): Uint8Array {
    const b = new Uint8Array(length)
    for (let i = 0; i < length; i++) b[i] = dull && i % 7 !== 0 ? 65 : this.below(256)
    return b
  }
}

/** The seed of this run: SEED from the environment, else from the clock. */
export function seed(): number {
  return process.env.SEED === undefined ? Date.now() >>> 0 : Number(process.env.SEED) >>> 0
}
