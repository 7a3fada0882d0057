import { errno } from '../abi/errno.js'
import { INIT_FLAGS, type InitFlagName } from '../abi/gen/flags.js'
import { Op } from '../abi/gen/opcodes.js'
import { initRequestSize, parseInitReply, writeInitRequest } from '../abi/init.js'
import type { Negotiated, Notify } from '../api/connection.js'
import type { FileSystem } from '../api/filesystem.js'
import { PathBridge } from '../api/path/path-bridge.js'
import { PathFileSystem } from '../api/path/path-filesystem.js'
import type { Call } from '../session/call.js'
import { type SessionOptions, sessionSizes } from '../session/options.js'
import { Session } from '../session/session.js'
import type { MountStats } from '../session/stats.js'
import { MemoryTransport } from '../transport/memory.js'
import type { Caller } from './kernel/caller.js'
import { Channel, type Violation } from './kernel/channel.js'
import { Kernel } from './kernel/kernel.js'
import { takeNotification } from './kernel/notification.js'
import { Random } from './kernel/random.js'
import { SimulatedFs } from './simulated-fs.js'

/** How the simulated kernel behaves; the rest are the session's options. */
export interface SimulatorOptions extends SessionOptions {
  /** Decides delays and orders. Default 1. */
  seed?: number
  /** Event-loop turns that each request and each reply may be held back, so that replies overtake each other. Default 0. */
  delays?: number
  /** Protocol minor of the kernel, from 31 on. Default 45. */
  minor?: number
  /** INIT flags that the kernel offers. Default: what the simulator can do of this minor. */
  flags?: readonly InitFlagName[]
  /** Check permissions by the attributes, as the mount option `default_permissions`. Default false. */
  defaultPermissions?: boolean
  /** Who calls through `fs`. Default: root. */
  uid?: number
  gid?: number
  umask?: number
  /** Bytes of the buffer that listings are read into. Default 32768, as libc's. */
  readdirSize?: number
  /** The largest request, in pages of 4096 bytes. Default 256, the kernel's. */
  maxPages?: number
  /** How many references the filesystem thinks that the kernel holds; `unmount` compares, when it is given. */
  lookups?: () => number
}

/** What an unmount found. */
export interface UnmountReport {
  /** Replies and notifications that a kernel refuses. */
  readonly violations: readonly Violation[]
  /** Nodes of which the kernel still held references: files that were left open. */
  readonly held: readonly { readonly node: number; readonly lookups: number; readonly opens: number }[]
  /**
   * References that the filesystem counts beyond those that the kernel holds (below 0: which it does not count), before
   * the kernel gave all of them back or after it; null when the filesystem was not asked.
   */
  readonly leaked: number | null
  /** Requests that nobody had answered. */
  readonly unanswered: number
}

/** Flags that need what the simulator has not: DAX, submounts, passthrough, the ring, security modules, write-back. */
const NOT_SIMULATED: readonly InitFlagName[] = [
  'MAP_ALIGNMENT',
  'SUBMOUNTS',
  'HAS_INODE_DAX',
  'PASSTHROUGH',
  'OVER_IO_URING',
  'SECURITY_CTX',
  'CREATE_SUPP_GROUP',
  'REQUEST_TIMEOUT',
  'WRITEBACK_CACHE',
  'ALLOW_IDMAP',
  'INIT_RESERVED',
  'FILE_OPS',
]

const PAGE = 4096
/** A kernel without MAX_PAGES sends 128 KiB at most. */
const PAGES_WITHOUT_MAX_PAGES = 32
/** Names up to here pass where one request has more than a page (FUSE_NAME_MAX of 6.18), else up to 1024. */
const NAME_MAX = { long: 4095, short: 1024 } as const

/**
 * A kernel that is none: it mounts a filesystem in this process, without a descriptor, and makes system calls on it. It
 * keeps names, attributes and pages as Linux does, and checks every reply.
 */
export class Simulator implements AsyncDisposable {
  readonly session: Session
  /** The mount as the caller of the options sees it (root, when they say nothing), shaped as `node:fs/promises`. */
  readonly fs: SimulatedFs
  readonly negotiated: Promise<Negotiated>
  readonly #channel: Channel
  readonly #kernel: Kernel
  readonly #transport: MemoryTransport<Call>
  readonly #options: SimulatorOptions
  #pids = 1000
  #report: UnmountReport | null = null

  constructor(fs: FileSystem | PathFileSystem, options: SimulatorOptions) {
    this.#options = options
    this.session = new Session(
      fs instanceof PathFileSystem ? new PathBridge(fs) : fs,
      sessionOptions(options),
    )
    this.#channel = new Channel({
      delays: options.delays ?? 0,
      random: new Random(options.seed ?? 1),
    })
    this.#kernel = new Kernel(this.#channel, {
      defaultPermissions: options.defaultPermissions ?? false,
      readdirSize: options.readdirSize ?? 32768,
    })
    this.#transport = new MemoryTransport(
      this.#channel,
      () => this.session.newCall(),
      sessionSizes(this.session.settings),
    )
    this.#channel.deliver = (request) => this.#transport.deliver(request)
    this.#channel.onNotification = (bytes) => takeNotification(this.#kernel, bytes)
    this.#channel.onClosed = () => this.#channel.end(-errno.ECONNABORTED)
    this.session.start(this.#transport)
    this.negotiated = this.session.ready
    this.fs = this.as({})
  }

  /** Messages from the filesystem to the kernel. */
  get notify(): Notify {
    return this.session.notify
  }
  /** Replies and notifications so far that a kernel refuses. */
  get violations(): readonly Violation[] {
    return this.#channel.violations
  }
  /** Nodes that the kernel knows, and the references that it holds on them. */
  get nodes(): readonly { readonly node: number; readonly lookups: number; readonly opens: number }[] {
    return [...this.#kernel.inodes.values()].map(({ nodeid, lookups, opens }) => ({
      node: nodeid,
      lookups,
      opens,
    }))
  }
  /** Requests without an answer. */
  get waiting(): number {
    return this.#channel.waiting
  }
  /** How many requests of a kind have been sent, by kernel name (`LOOKUP`). */
  sent(operation: string): number {
    return this.#channel.sent.get(operation) ?? 0
  }
  stats(): MountStats {
    return this.session.stats()
  }

  /** The mount as another caller sees it: a process of its own, for permissions, ownership and locks. */
  as(caller: Partial<Omit<Caller, 'pid'>>): SimulatedFs {
    const { uid = 0, gid = 0, umask = 0o022 } = this.#options
    const pid = ++this.#pids
    return new SimulatedFs(this.#kernel, { uid, gid, umask, groups: [], ...caller, pid })
  }

  /** Lets virtual time pass: entries and attributes expire. */
  advance(seconds: number): void {
    this.#kernel.now += seconds
  }

  /** Memory pressure: forgets every page, name and node that is not in use. Resolves when the forgets are sent. */
  async dropCaches(): Promise<void> {
    for (const inode of this.#kernel.inodes.values()) {
      inode.pages.drop()
      inode.listing = null
    }
    await this.settled()
    this.#kernel.shrink()
    await this.settled()
  }

  /** Resolves when no request without a caller (RELEASE) is on its way. */
  async settled(): Promise<void> {
    await this.#kernel.settled()
    this.#kernel.flushForgets()
  }

  /** Gives all references back, ends the connection and waits for the filesystem's `destroy`. */
  async unmount(): Promise<UnmountReport> {
    if (this.#report !== null) return this.#report
    await this.settled()
    const miscounted = this.#options.lookups === undefined ? 0 : this.#options.lookups() - sum(this.nodes)
    await this.dropCaches()
    const held = this.nodes.filter(({ node, opens }) => node !== 1 || opens > 0)
    const unanswered = this.waiting
    const leaked =
      this.#options.lookups === undefined ? null : miscounted || this.#options.lookups() - sum(held)
    this.#kernel.forgetAll()
    this.#transport.disconnect(-errno.ENODEV)
    await this.session.closed
    this.#report = { violations: this.violations, held, leaked, unanswered }
    return this.#report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount()
  }

  /** Sends INIT and takes over what was agreed on. */
  async start(): Promise<this> {
    const { minor = 45, maxPages = 256 } = this.#options
    const offered = this.#options.flags ?? simulatedFlags(minor)
    const bits = (word: number): number =>
      INIT_FLAGS.filter((flag) => flag.word === word && offered.includes(flag.name as InitFlagName)).reduce(
        (sum, flag) => (sum | flag.mask) >>> 0,
        0,
      )
    const request = { major: 7, minor, maxReadahead: 131072, flags: bits(0), flags2: bits(1) }
    const reply = await this.#channel.call({
      opcode: Op.INIT,
      node: 0,
      inSize: initRequestSize(minor),
      fill: (u, op) => void writeInitRequest(u, op, request),
    })
    const agreed = parseInitReply(reply.words, reply.body, reply.length)
    if (agreed.major !== 7) throw new Error(`the session answered INIT with major version ${agreed.major}`)
    const features = new Set<InitFlagName>()
    for (const { name, word, mask } of INIT_FLAGS) {
      if (((word === 0 ? agreed.flags : agreed.flags2) & mask) !== 0) features.add(name as InitFlagName)
    }
    for (const name of features) {
      if (!offered.includes(name)) this.#channel.violation('INIT', 0, `${name} was answered and not offered`)
    }
    const pages = features.has('MAX_PAGES')
      ? Math.max(1, Math.min(agreed.maxPages, maxPages))
      : PAGES_WITHOUT_MAX_PAGES
    this.#kernel.agreed = {
      minor: agreed.minor,
      features,
      maxWrite: Math.min(Math.max(agreed.maxWrite, PAGE), pages * PAGE),
      maxRead: pages * PAGE,
      nameMax: features.has('MAX_PAGES') && pages > 1 ? NAME_MAX.long : NAME_MAX.short,
    }
    await this.negotiated
    return this
  }
}

const sum = (nodes: readonly { lookups: number }[]): number =>
  nodes.reduce((all, { lookups }) => all + lookups, 0)

function simulatedFlags(minor: number): InitFlagName[] {
  return INIT_FLAGS.filter(
    (flag) => flag.since <= minor && !NOT_SIMULATED.includes(flag.name as InitFlagName),
  ).map((flag) => flag.name as InitFlagName)
}

const KERNEL_OPTIONS = [
  'seed',
  'delays',
  'minor',
  'flags',
  'defaultPermissions',
  'uid',
  'gid',
  'umask',
  'readdirSize',
  'maxPages',
  'lookups',
] as const satisfies readonly (keyof SimulatorOptions)[]

function sessionOptions(options: SimulatorOptions): SessionOptions {
  const own = new Set<string>(KERNEL_OPTIONS)
  return Object.fromEntries(Object.entries(options).filter(([name]) => !own.has(name)))
}

/** Mounts a filesystem on a simulated kernel. */
export const simulate = (
  fs: FileSystem | PathFileSystem,
  options: SimulatorOptions = {},
): Promise<Simulator> => new Simulator(fs, options).start()
