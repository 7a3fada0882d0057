import { errno } from '../abi/errno.js'
import type { Negotiated, Notify } from '../api/connection.js'
import { errnoOf } from '../api/errors.js'
import { FileSystem } from '../api/filesystem.js'
import { PathBridge } from '../api/path/path-bridge.js'
import { PathFileSystem } from '../api/path/path-filesystem.js'
import {
  MountError,
  type MountedDevice,
  mountDevice,
  type Refusal,
  type UnmountOptions,
} from '../mount/index.js'
import type { Call } from '../session/call.js'
import { sessionSizes } from '../session/options.js'
import { Session } from '../session/session.js'
import type { MountStats } from '../session/stats.js'
import { DevTransport } from '../transport/dev.js'
import { lifecycle } from './lifecycle.js'
import { type Options, splitOptions } from './options.js'

/** A filesystem in service. Ends by {@link Mount.unmount}, by somebody's umount(8), or with the process. */
export class Mount implements AsyncDisposable {
  readonly #session: Session
  readonly #transport: DevTransport<Call>
  readonly #device: MountedDevice
  /** What the kernel and the filesystem agreed on. */
  readonly negotiated: Negotiated

  constructor(
    session: Session,
    transport: DevTransport<Call>,
    device: MountedDevice,
    negotiated: Negotiated,
  ) {
    this.#session = session
    this.#transport = transport
    this.#device = device
    this.negotiated = negotiated
  }

  /** The mount point, absolute and resolved. */
  get mountpoint(): string {
    return this.#device.mountpoint
  }
  /** The way that worked: `fsmount`, `mount`, `fusermount3` or `fd`. */
  get method(): string {
    return this.#device.method
  }
  /** The connection's number: the directory name in /sys/fs/fuse/connections. Null where the kernel does not tell it. */
  get connectionId(): number | null {
    return this.#device.connectionId
  }
  /** The ways that were refused before the one that worked, and why. */
  get refused(): readonly Refusal[] {
    return this.#device.refused
  }
  /** Messages to the kernel: invalidation, data for the page cache, poll wake-ups. */
  get notify(): Notify {
    return this.#session.notify
  }
  /** Resolves when the mount has ended, however it did, and the filesystem's `destroy` is done. Never rejects. */
  get closed(): Promise<void> {
    return this.#session.closed
  }

  /** Counters so far. */
  stats(): MountStats {
    return this.#session.stats()
  }

  /**
   * Unmounts, and waits until the filesystem's `destroy` is done. Without options a mount in use is an error
   * (`MountError` EBUSY) that names who holds it.
   * @param options `lazy`: detach from the tree now, end when the last user leaves (then this does not wait for the
   *   end); `force`: abort the connection, callers get ECONNABORTED; `timeout`: milliseconds, default 10,000
   * @throws MountError EBUSY; ETIMEDOUT, also when the mount is off but `destroy` does not settle
   */
  async unmount(options: UnmountOptions = {}): Promise<void> {
    if (!this.#session.hasEnded) await this.#device.unmount(options)
    if (options.lazy !== true || options.force === true) await this.#end(options.timeout ?? END_MS)
  }

  /** The mount is off: the session hears of it at once, but `destroy` may take its time or never end. */
  async #end(ms: number): Promise<void> {
    const ended = await within(this.closed, ms)
    if (ended) return
    throw new MountError({
      what: `${this.mountpoint} is unmounted, but its filesystem is not done`,
      errno: errno.ETIMEDOUT,
      step: 'destroy',
      cause: `destroy has not settled for ${ms} ms`,
      cure: 'look at what the filesystem waits for in destroy or release',
    })
  }

  /** Detaches at once and without waiting: for the end of the process. */
  unmountSync(): void {
    if (!this.#session.hasEnded) this.#device.unmountSync()
  }

  /** Whether the mount keeps the process alive; it does at first. */
  ref(): this {
    this.#transport.ref()
    return this
  }
  unref(): this {
    this.#transport.unref()
    return this
  }

  /** Unmounts; what is still in use is detached and served no longer. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.unmount()
    } catch {
      if (this.#session.hasEnded) return
      this.#device.unmountSync()
      this.#session.close()
      await within(this.closed, END_MS)
    }
  }
}

/** Milliseconds for `destroy` at the end of a mount. */
const END_MS = 10_000

/** Whether the promise settles in so many milliseconds. */
async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Mounts a filesystem and serves it from this thread until it is unmounted.
 *
 * @param directory an existing directory (or `/dev/fd/N`: a FUSE descriptor that somebody else mounts)
 * @param fs the filesystem: `tree()`, `memory()`, `passthrough()`, `fromFs()`, or a class of yours
 * @throws {MountError} with the errno name, the step that failed, what was tried, the likely cause and the cure
 */
export async function mount(
  directory: string,
  fs: FileSystem | PathFileSystem,
  options: Options = {},
): Promise<Mount> {
  const split = splitOptions(options)
  const served = filesystemOf(fs)
  const device = await mountDevice(directory, split.mount)
  let session: Session | undefined
  try {
    const onlyUser = device.allowRoot ? process.getuid!() : undefined
    session = new Session(served, { ...split.session, onlyUser })
    const started = session
    const create = (): Call => started.newCall()
    const transport = new DevTransport(device.fd, create, sessionSizes(session.settings))
    session.start(transport)
    const negotiated = await agreement(session, directory, split.mount.timeout ?? INIT_MS)
    const mounted = new Mount(session, transport, device, negotiated)
    if (split.unmountAtExit) lifecycle.add(mounted, session.settings.log)
    session.closed.then(() => {
      lifecycle.delete(mounted)
      device.ended()
    })
    return mounted
  } catch (error) {
    device.unmountSync()
    device.ended()
    session?.close()
    throw error
  }
}

/** What is served, checked before anything is mounted. */
function filesystemOf(fs: unknown): FileSystem {
  if (fs instanceof PathFileSystem) return new PathBridge(fs)
  if (fs instanceof FileSystem) return fs
  throw new MountError({
    what: 'cannot mount',
    errno: errno.EINVAL,
    step: 'options',
    cause: `${fs === null ? 'null' : typeof fs} is no filesystem`,
    cure: 'give tree(), memory(), passthrough(), fromFs(), or an instance of a class of yours',
  })
}

/** Milliseconds for FUSE_INIT: the kernel sends it at once, so this is only reached when something is very wrong. */
const INIT_MS = 10_000

/** Waits for FUSE_INIT, and says what happened when it does not come to an agreement. */
async function agreement(session: Session, directory: string, ms: number): Promise<Negotiated> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error('the kernel sent no INIT'), { code: 'ETIMEDOUT' })),
      ms,
    )
  })
  try {
    return await Promise.race([session.ready, late])
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    throw new MountError({
      what: `cannot serve ${directory}`,
      errno: -errnoOf(error) || errno.EIO,
      step: 'FUSE_INIT',
      cause: error.message,
      cure: 'mount again; if it stays, run with the debug option and look at the INIT lines',
    })
  } finally {
    clearTimeout(timer)
  }
}
