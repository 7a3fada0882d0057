/** A lock that many may share or one may have alone, first come first served: the kernel's `i_rwsem` of an inode. */
export class RwLock {
  #readers = 0
  #writer = false
  readonly #queue: { exclusive: boolean; go: () => void }[] = []

  /** Resolves with the function that gives the lock back. */
  async take(exclusive: boolean): Promise<() => void> {
    if (this.#queue.length > 0 || !this.#free(exclusive)) {
      await new Promise<void>((go) => this.#queue.push({ exclusive, go }))
    } else this.#enter(exclusive)
    let held = true
    return () => {
      if (!held) return
      held = false
      if (exclusive) this.#writer = false
      else this.#readers--
      this.#wake()
    }
  }

  async exclusive<T>(run: () => Promise<T>): Promise<T> {
    const release = await this.take(true)
    try {
      return await run()
    } finally {
      release()
    }
  }

  #free(exclusive: boolean): boolean {
    return !this.#writer && (!exclusive || this.#readers === 0)
  }

  #enter(exclusive: boolean): void {
    if (exclusive) this.#writer = true
    else this.#readers++
  }

  #wake(): void {
    for (let next = this.#queue[0]; next !== undefined && this.#free(next.exclusive); next = this.#queue[0]) {
      this.#queue.shift()
      this.#enter(next.exclusive)
      next.go()
    }
  }
}
