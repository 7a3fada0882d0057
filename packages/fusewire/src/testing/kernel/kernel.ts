import { errno } from '../../abi/errno.js'
import type { InitFlagName } from '../../abi/gen/flags.js'
import { Op, opcodeRow } from '../../abi/gen/opcodes.js'
import * as abi from '../../abi/gen/structs.js'
import { S_IF } from '../../api/constants.js'
import { Memory } from '../../transport/slot.js'
import { type Attr, invalidAttr, isType, readAttr } from './attr.js'
import type { Channel, Reply, RequestSpec } from './channel.js'
import { fail, SystemError } from './errors.js'
import { Dentry, Inode } from './inode.js'
import { RwLock } from './rw-lock.js'

const ROOT = 1

/** How the simulated kernel treats the mount. */
export interface KernelSettings {
  /** Check permissions by attributes (mount option `default_permissions`). */
  readonly defaultPermissions: boolean
  /** Bytes of the buffer that a listing is read into. */
  readonly readdirSize: number
}

/** What INIT ended with, as the kernel uses it. */
export interface Agreement {
  readonly minor: number
  readonly features: ReadonlySet<InitFlagName>
  readonly maxWrite: number
  readonly maxRead: number
  readonly nameMax: number
}

/** A node, fresh out of a reply, and the rest of that reply's `fuse_entry_out`. */
export interface Entry {
  readonly inode: Inode
  /** Virtual time up to which the name is valid. */
  readonly until: number
}

/**
 * What the kernel remembers of a mount: nodes, names, attributes, and what the filesystem cannot do. The system calls
 * are in the files beside this one.
 */
export class Kernel {
  readonly channel: Channel
  readonly settings: KernelSettings
  agreed: Agreement = {
    minor: 0,
    features: new Set(),
    maxWrite: 4096,
    maxRead: 4096,
    nameMax: 1024,
  }
  /** Virtual time in seconds. */
  now = 0
  epoch = 0
  readonly inodes = new Map<number, Inode>()
  readonly root: Inode
  /** Renames between directories happen one at a time. */
  readonly renames = new RwLock()
  /** Opcodes that were answered with ENOSYS, and so are not sent any more. */
  readonly missing = new Set<number>()
  #attrVersion = 1
  #busy = 0
  readonly #orphans = new Set<Inode>()
  readonly #forgets: { node: number; count: number }[] = []
  #flushing = false
  #files = 0
  readonly #background = new Set<Promise<unknown>>()
  /** Who waits for a NOTIFY_POLL, by the number that POLL carried. */
  readonly pollers = new Map<number, () => void>()

  constructor(channel: Channel, settings: KernelSettings) {
    this.channel = channel
    this.settings = settings
    const attr: Attr = {
      ino: BigInt(ROOT),
      size: 0,
      blocks: 0,
      atime: 0n,
      mtime: 0n,
      ctime: 0n,
      mode: S_IF.DIR | 0o755,
      nlink: 2,
      uid: 0,
      gid: 0,
      rdev: 0,
      blksize: 4096,
    }
    this.root = new Inode(ROOT, 0, attr)
    this.inodes.set(ROOT, this.root)
  }

  has(feature: InitFlagName): boolean {
    return this.agreed.features.has(feature)
  }
  get checksPermissions(): boolean {
    return this.settings.defaultPermissions || this.has('POSIX_ACL')
  }

  /** Runs a system call; nodes that lose their last use meanwhile are dropped when no call is running. */
  async enter<T>(run: () => Promise<T>): Promise<T> {
    this.#busy++
    try {
      return await run()
    } finally {
      this.#busy--
      if (this.#busy === 0) {
        const orphans = [...this.#orphans]
        this.#orphans.clear()
        for (const inode of orphans) this.release(inode)
      }
    }
  }

  /** A request about a node. */
  async request(inode: Inode, spec: Omit<RequestSpec, 'node'>): Promise<Reply> {
    if (inode.bad) throw fail('EIO', `node ${inode.nodeid} has become another one`)
    try {
      return await this.channel.call({ ...spec, node: inode.nodeid })
    } catch (thrown) {
      if (
        thrown instanceof SystemError &&
        thrown.code === 'ESTALE' &&
        (inode.lookups > 0 || inode === this.root)
      ) {
        const name = opcodeRow(spec.opcode)!.name
        const text = `answered ESTALE though the kernel holds ${inode.lookups} references on the node`
        this.channel.violation(name, inode.nodeid, text)
      }
      throw thrown
    }
  }

  /** As `request`; undefined when the filesystem has no such operation, now or earlier. */
  async optional(inode: Inode, spec: Omit<RequestSpec, 'node'>): Promise<Reply | undefined> {
    if (this.missing.has(spec.opcode)) return undefined
    try {
      return await this.request(inode, spec)
    } catch (thrown) {
      if (!(thrown instanceof SystemError) || thrown.code !== 'ENOSYS') throw thrown
      this.missing.add(spec.opcode)
      return undefined
    }
  }

  /** Refuses a reply that a real kernel answers with EIO. */
  invalid(operation: number, node: number, text: string): SystemError {
    this.channel.violation(opcodeRow(operation)!.name, node, text)
    return fail('EIO', text)
  }

  until(seconds: number, nanoseconds: number): number {
    return seconds === 0 && nanoseconds === 0
      ? Number.NEGATIVE_INFINITY
      : this.now + seconds + nanoseconds / 1e9
  }

  /** Marks the moment at which attributes are asked for, to be given to `changeAttributes`. */
  attrMoment(): number {
    return this.#attrVersion
  }

  /** Attributes that are on their way are older than what the kernel did to the node just now. */
  attributesChanged(inode: Inode): void {
    inode.attrVersion = ++this.#attrVersion
  }

  /** Takes the `fuse_entry_out` at word `at`, checked as the kernel does; the node gains a reference. */
  takeEntry(opcode: number, parent: Inode, reply: Reply, at: number, moment: number, type?: number): Entry {
    const { words } = reply
    const nodeid = abi.entryOut_nodeid(words, at)
    if (nodeid === 0) throw this.invalid(opcode, parent.nodeid, 'the node id is 0')
    const attrAt = at + abi.ENTRY_OUT_ATTR_WORD
    const bad = invalidAttr(words, attrAt)
    if (bad !== null) throw this.invalid(opcode, parent.nodeid, bad)
    const attr = readAttr(words, attrAt)
    if (nodeid === ROOT) throw this.invalid(opcode, parent.nodeid, 'the node id is 1, the root')
    if (type !== undefined && !isType(attr, type)) {
      throw this.invalid(
        opcode,
        parent.nodeid,
        `mode 0${attr.mode.toString(8)} is not of the type that was made`,
      )
    }
    const generation = abi.entryOut_generation(words, at)
    const inode = this.#get(nodeid, generation, attr)
    inode.lookups++
    const valid = this.until(abi.entryOut_attrValid(words, at), abi.entryOut_attrValidNsec(words, at))
    this.changeAttributes(inode, attr, valid, moment)
    return {
      inode,
      until: this.until(abi.entryOut_entryValid(words, at), abi.entryOut_entryValidNsec(words, at)),
    }
  }

  #get(nodeid: number, generation: number, attr: Attr): Inode {
    const known = this.inodes.get(nodeid)
    if (known !== undefined) {
      if (known.generation === generation && isType(known.attr, attr.mode & S_IF.MT)) return known
      this.makeBad(known)
    }
    const inode = new Inode(nodeid, generation, attr)
    this.inodes.set(nodeid, inode)
    return inode
  }

  /** The node id stands for something else now. */
  makeBad(inode: Inode): void {
    inode.bad = true
    if (this.inodes.get(inode.nodeid) === inode) this.inodes.delete(inode.nodeid)
  }

  /** Takes attributes from a reply to a request of `moment`, and drops cached data that they prove wrong. */
  changeAttributes(inode: Inode, attr: Attr, until: number, moment: number): void {
    if (inode.attrVersion > moment) return
    this.attributesChanged(inode)
    const old = inode.attr
    inode.attr = attr
    inode.attrUntil = until
    inode.staleStat = false
    if (!this.checksPermissions) attr.mode &= ~0o1000
    if (!inode.isFile || (old.size === attr.size && old.mtime === attr.mtime)) return
    if (old.size !== attr.size) {
      inode.pages.truncate(attr.size)
      if (this.has('AUTO_INVAL_DATA') || !this.has('EXPLICIT_INVAL_DATA')) inode.pages.drop()
    } else if (this.has('AUTO_INVAL_DATA')) inode.pages.drop()
  }

  /** Connects a name with a node, or with its absence. A directory has one name: an older one goes. */
  connect(parent: Inode, name: string, inode: Inode | null, until: number): Dentry {
    const old = parent.children.get(name)
    const dentry = new Dentry(parent, name, inode, this.epoch)
    dentry.until = until
    parent.children.set(name, dentry)
    inode?.aliases.add(dentry)
    if (inode?.isDirectory)
      for (const alias of [...inode.aliases]) if (alias !== dentry) this.#forgetName(alias)
    if (old !== undefined) this.#dropAlias(old)
    return dentry
  }

  /** Removes a name from the cache, with everything below it that nothing else holds. */
  drop(dentry: Dentry): void {
    if (dentry.parent.children.get(dentry.name) === dentry) dentry.parent.children.delete(dentry.name)
    this.#dropAlias(dentry)
  }

  /** A rename: the name goes with all that is cached below it. */
  move(from: Inode, name: string, inode: Inode, until: number, to: Inode, newName: string): void {
    const old = from.children.get(name)
    if (old !== undefined) this.#forgetName(old)
    const replaced = to.children.get(newName)
    this.#put(to, newName, inode, until)
    if (replaced !== undefined) this.#dropAlias(replaced)
  }

  /** RENAME_EXCHANGE. */
  exchange(
    from: Inode,
    name: string,
    inode: Inode,
    until: number,
    to: Inode,
    otherName: string,
    other: Inode,
    otherUntil: number,
  ): void {
    for (const dentry of [from.children.get(name), to.children.get(otherName)]) {
      if (dentry !== undefined) this.#forgetName(dentry)
    }
    this.#put(from, name, other, until)
    this.#put(to, otherName, inode, otherUntil)
  }

  #put(parent: Inode, name: string, inode: Inode, until: number): void {
    const dentry = new Dentry(parent, name, inode, this.epoch)
    dentry.until = until
    parent.children.set(name, dentry)
    inode.aliases.add(dentry)
  }

  #forgetName(dentry: Dentry): void {
    if (dentry.parent.children.get(dentry.name) === dentry) dentry.parent.children.delete(dentry.name)
    dentry.inode?.aliases.delete(dentry)
  }

  #dropAlias(dentry: Dentry): void {
    const { inode } = dentry
    if (inode === null) return
    inode.aliases.delete(dentry)
    if (inode.aliases.size > 0) return
    for (const child of [...inode.children.values()]) this.drop(child)
    this.release(inode)
  }

  /** The number of the next open file description. */
  nextFile(): number {
    return ++this.#files
  }

  /** `fl_owner` of a process, or of an open file for a negative number; scrambled, as the kernel does. */
  lockOwner(owner: number): [number, number] {
    return [Math.imul(owner, 0x9e37_79b1) >>> 0, (owner ^ 0x5bd1_e995) >>> 0]
  }

  /** Something that no caller waits for. */
  background(work: Promise<unknown>, done: () => void): void {
    const all = work
      .catch(() => undefined)
      .then(() => {
        done()
        this.#background.delete(all)
      })
    this.#background.add(all)
  }

  /** Resolves when nothing runs in the background. */
  async settled(): Promise<void> {
    while (this.#background.size > 0) await Promise.all(this.#background)
  }

  closedFile(inode: Inode): void {
    inode.opens--
    this.release(inode)
  }

  /** Gives a node back when nothing uses it. */
  release(inode: Inode): void {
    if (inode === this.root || inode.opens > 0 || inode.aliases.size > 0) return
    if (this.#busy > 0) {
      this.#orphans.add(inode)
      return
    }
    if (this.inodes.get(inode.nodeid) === inode) this.inodes.delete(inode.nodeid)
    if (inode.lookups > 0) this.forget(inode.nodeid, inode.lookups)
    inode.lookups = 0
  }

  /** Queues a FORGET; those of one moment leave together. */
  forget(node: number, count: number): void {
    this.#forgets.push({ node, count })
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.flushForgets())
  }

  flushForgets(): void {
    this.#flushing = false
    const forgets = this.#forgets.splice(0)
    const only = forgets[0]
    if (only === undefined) return
    if (forgets.length === 1) {
      this.channel.post({
        opcode: Op.FORGET,
        node: only.node,
        fill: (u, op) => abi.setForgetIn_nlookup(u, op, only.count),
      })
      return
    }
    for (let at = 0; at < forgets.length; at += BATCH_MAX) this.#batch(forgets.slice(at, at + BATCH_MAX))
  }

  #batch(forgets: readonly { node: number; count: number }[]): void {
    const memory = new Memory(forgets.length * abi.FORGET_ONE_SIZE)
    forgets.forEach(({ node, count }, i) => {
      abi.setForgetOne_nodeid(memory.words, i * abi.FORGET_ONE_WORDS, node)
      abi.setForgetOne_nlookup(memory.words, i * abi.FORGET_ONE_WORDS, count)
    })
    this.channel.post({
      opcode: Op.BATCH_FORGET,
      node: 0,
      fill: (u, op) => abi.setBatchForgetIn_count(u, op, forgets.length),
      payload: memory.bytes,
    })
  }

  /** Forgets all names and nodes that are not in use, as memory pressure does; `drop_caches` 2. */
  shrink(): void {
    this.#shrinkBelow(this.root)
    this.flushForgets()
  }

  #shrinkBelow(directory: Inode): void {
    for (const dentry of [...directory.children.values()]) {
      const { inode } = dentry
      if (inode?.isDirectory) this.#shrinkBelow(inode)
      if (inode === null || (inode.opens === 0 && inode.children.size === 0)) this.drop(dentry)
    }
  }

  /** The connection is over: as the kernel, without a word to the filesystem. */
  forgetAll(): void {
    this.#forgets.length = 0
    this.channel.end(-errno.ECONNABORTED)
  }
}

/** Entries of one BATCH_FORGET: what fits in 8192 bytes, the smallest read buffer. */
const BATCH_MAX = 500
