// poll(2) with a wake-up: readers sleep until the bell rings, once a second.
//   npm run example bell ./mnt     then: cat mnt/bell   (select, poll and epoll work on it too)
import {
  type AttrOut,
  type DataOut,
  type EntryOut,
  errno,
  FileSystem,
  FOPEN,
  type InitRequest,
  mount,
  type Notify,
  type OpenOut,
  POLL,
  type PollHandle,
  type Reply,
  type Request,
  type Result,
} from 'fusewire'

const ROOT = 1
const BELL = 2

class Bell extends FileSystem {
  #notify: Notify | undefined
  #rings = 0
  /** By handle: how many rings its reader has heard, and who sleeps. */
  readonly #heard = new Map<number, number>()
  readonly #sleepers = new Set<PollHandle>()
  readonly #readers = new Map<Reply, { handle: number; out: DataOut }>()
  #lastHandle = 0

  override init(init: InitRequest): void {
    this.#notify = init.notify
  }

  ring(): void {
    this.#rings++
    for (const sleeper of this.#sleepers) this.#notify?.poll(sleeper).catch(() => {})
    this.#sleepers.clear()
    for (const [reply, { handle, out }] of this.#readers) reply.send(this.#hear(handle, out))
    this.#readers.clear()
  }

  override lookup(_req: Request, parent: number, name: string, out: EntryOut): number {
    if (parent !== ROOT || name !== 'bell') return -errno.ENOENT
    out.nodeId = BELL
    out.attr.mode = 0o100444
    return 0
  }

  override getattr(_req: Request, node: number, _handle: number | undefined, out: AttrOut): number {
    out.attr.mode = node === ROOT ? 0o040555 : 0o100444
    return 0
  }

  override open(_req: Request, _node: number, _flags: number, out: OpenOut): number {
    out.handle = ++this.#lastHandle
    out.flags = FOPEN.DIRECT_IO | FOPEN.NONSEEKABLE
    this.#heard.set(out.handle, this.#rings)
    return 0
  }

  /** Waits for the next ring by a deferred reply; an interrupted reader gets EINTR. */
  override read(req: Request, _n: number, handle: number, _o: number, _s: number, out: DataOut): Result {
    if (this.#heard.get(handle)! < this.#rings) return this.#hear(handle, out)
    const reply = req.defer()
    this.#readers.set(reply, { handle, out })
    req.signal.addEventListener('abort', () => {
      if (this.#readers.delete(reply)) reply.send(-errno.EINTR)
    })
    return reply
  }

  override poll(
    _req: Request,
    _node: number,
    handle: number,
    _events: number,
    wake: PollHandle | undefined,
  ): number {
    if (wake !== undefined) this.#sleepers.add(wake)
    return this.#heard.get(handle)! < this.#rings ? POLL.IN : 0
  }

  override release(_req: Request, _node: number, handle: number): number {
    this.#heard.delete(handle)
    return 0
  }

  #hear(handle: number, out: DataOut): number {
    this.#heard.set(handle, this.#rings)
    out.text(`ring ${this.#rings}\n`)
    return 0
  }
}

const bell = new Bell()
const mounted = await mount(process.argv[2] ?? './mnt', bell)
const timer = setInterval(() => bell.ring(), 1000)
mounted.closed.then(() => clearInterval(timer))
