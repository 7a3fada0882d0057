import type { PathNode } from './path-tree.js'

/** One open file: its node and what the filesystem's `open` resolved with. */
export interface OpenFile {
  readonly node: PathNode
  readonly value: unknown
}

/** Numbers for the kernel, values for the filesystem. Freed numbers are used again, lowest effort first. */
export class HandleTable<T> {
  readonly #values: (T | undefined)[] = []
  readonly #free: number[] = []

  add(value: T): number {
    const handle = this.#free.pop() ?? this.#values.length
    this.#values[handle] = value
    return handle
  }

  get(handle: number): T | undefined {
    return this.#values[handle]
  }

  replace(handle: number, value: T): void {
    this.#values[handle] = value
  }

  take(handle: number): T | undefined {
    const value = this.#values[handle]
    if (value === undefined) return undefined
    this.#values[handle] = undefined
    this.#free.push(handle)
    return value
  }

  /** All values, in no order. */
  values(): T[] {
    return this.#values.filter((value) => value !== undefined)
  }
}
