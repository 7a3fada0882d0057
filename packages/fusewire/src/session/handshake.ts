import { errno } from '../abi/errno.js'
import type { InitFlagName } from '../abi/gen/flags.js'
import { initVersion, MINOR_MIN, parseInit, writeInitReply, writeInitRetry } from '../abi/init.js'
import type { Negotiated, Notify } from '../api/connection.js'
import { type ErrnoName, errnoName, FsError } from '../api/errors.js'
import type { FileSystem } from '../api/filesystem.js'
import type { Call } from './call.js'
import { agree, initReply, offeredFeatures, wishes } from './negotiate.js'
import type { SessionSettings } from './options.js'

/** The first request of every mount, FUSE_INIT, and the promise that it has been answered. */
export class Handshake {
  readonly done: Promise<Negotiated>
  agreed: Negotiated | null = null
  readonly #fs: FileSystem
  readonly #settings: SessionSettings
  readonly #notify: Notify
  #resolve: (agreed: Negotiated) => void = () => {}
  #reject: (error: Error) => void = () => {}

  constructor(fs: FileSystem, settings: SessionSettings, notify: Notify) {
    this.#fs = fs
    this.#settings = settings
    this.#notify = notify
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.done.catch(() => {})
  }

  /** Builds the reply's body; its bytes, or a negative errno that ends the mount. */
  answer(call: Call): number {
    const kernel = parseInit(call.words, call.op, call.frame.inSize)
    const version = initVersion(kernel)
    if (version === 'retry') return writeInitRetry(call.replyWords, call.body)
    if (version === 'refuse') {
      const has = `${kernel.major}.${kernel.minor}`
      return this.#refuse(
        new FsError('EPROTO', `the kernel speaks FUSE ${has}; fusewire needs 7.${MINOR_MIN} (Linux 5.4)`),
      )
    }
    const wanted = wishes(this.#fs, this.#settings)
    try {
      this.#fs.init?.({
        offered: offeredFeatures(kernel),
        kernelMinor: kernel.minor,
        want: (feature: InitFlagName) => wanted.add(feature),
        avoid: (feature: InitFlagName) => wanted.delete(feature),
        notify: this.#notify,
        log: this.#settings.log,
      })
      this.agreed = agree(kernel, wanted, this.#settings)
      this.#fs.ready?.(this.agreed)
    } catch (thrown) {
      this.agreed = null
      return this.#refuse(thrown instanceof Error ? thrown : new Error(String(thrown)))
    }
    // After this reply has left; whoever waits for the mount may then use it.
    queueMicrotask(() => this.#resolve(this.agreed!))
    return writeInitReply(call.replyWords, call.body, initReply(this.agreed), kernel.minor)
  }

  end(error: number): void {
    const code = (error < 0 ? errnoName(-error) : 'ENODEV') as ErrnoName
    this.#reject(
      new FsError(code, 'the mount ended before the kernel and the filesystem had agreed on anything'),
    )
  }

  #refuse(error: Error): number {
    this.#reject(error)
    return -errno.EPROTO
  }
}
