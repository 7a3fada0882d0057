/** What the process's end needs of a mount. */
export interface Ending {
  readonly mountpoint: string
  unmount(options?: { timeout?: number }): Promise<void>
  unmountSync(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** Milliseconds that a mount gets to end after a signal. */
const LEAVE_MS = 5000

type Signal = (typeof SIGNALS)[number]

/**
 * The mounts of this process and its end. No mount outlives a process that ends by itself, by `process.exit`, by an
 * uncaught error, or by one of {@link SIGNALS} that nobody else listens to.
 */
class Lifecycle {
  readonly #mounts = new Set<Ending>()
  #signalled = false
  #installed = false
  #log: (line: string) => void = (line) => process.stderr.write(`${line}\n`)

  add(mount: Ending, log: (line: string) => void): void {
    this.#mounts.add(mount)
    this.#log = log
    if (this.#installed) return
    this.#installed = true
    process.on('exit', this.#onExit)
    for (const signal of SIGNALS) process.on(signal, this.#onSignal)
  }

  delete(mount: Ending): void {
    this.#mounts.delete(mount)
    if (this.#mounts.size > 0 || !this.#installed) return
    this.#installed = false
    process.off('exit', this.#onExit)
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
  }

  readonly #onExit = (): void => {
    for (const mount of this.#mounts) mount.unmountSync()
  }

  readonly #onSignal = (signal: Signal): void => {
    // A program that handles the signal itself decides; our part is then the exit hook.
    if (process.listenerCount(signal) > 1) return
    const second = this.#signalled
    this.#signalled = true
    // The exit hook detaches whatever is left.
    if (second) process.exit(0)
    void this.#leave(signal !== 'SIGINT')
  }

  /** Unmounts everything and exits with 0; what is busy is detached when `detach` says so, else it is left mounted. */
  async #leave(detach: boolean): Promise<void> {
    const busy: unknown[] = []
    for (const mount of [...this.#mounts]) {
      try {
        await mount.unmount({ timeout: LEAVE_MS })
      } catch (error) {
        // A mount that is off, though its filesystem is not done, keeps nobody.
        const off = (error as { step?: unknown }).step === 'destroy'
        if (!off) busy.push(error)
      }
    }
    if (busy.length === 0 || detach) process.exit(0)
    for (const error of busy) this.#log(`fusewire: ${error instanceof Error ? error.message : String(error)}`)
    this.#log('fusewire: interrupt once more to detach anyway')
  }
}

export const lifecycle = new Lifecycle()
