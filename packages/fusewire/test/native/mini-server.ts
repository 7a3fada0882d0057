import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Pump } from '../../src/native/dev.js'
import { calls } from './support.js'

/** Every command that touches the mount gets this limit: a server that does not answer must not hang the tests. */
const LIMIT = { timeout: 10_000, killSignal: 'SIGKILL' } as const

export const run = (program: string, ...args: string[]) => promisify(execFile)(program, args, LIMIT)

/** Opcodes and notify codes of linux/fuse.h that occur here. */
export const OP = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  OPEN: 14,
  READ: 15,
  RELEASE: 18,
  FLUSH: 25,
  INIT: 26,
  INTERRUPT: 36,
}
export const NOTIFY_INVAL_INODE = 2
export const NOTIFY_INVAL_ENTRY = 3

const S_IFDIR = 0o040755
const S_IFREG = 0o100644
const ENOENT = -2
const ENOSYS = -38
/** Words before the struct of a request (fuse_in_header) and of a reply (fuse_out_header). */
const IN = 10
const OUT = 4

/** Why these tests cannot mount by the mount program, which passes our descriptor on; null when they can. */
export function mountBlocker(): string | null {
  return process.getuid?.() === 0 ? null : 'only root may pass a descriptor to mount(8)'
}

/**
 * The smallest FUSE server on the bare addon, written without the library: a directory with one file `f`. `answer` sees
 * each request first: it returns the length of a reply it made, or null for the usual one.
 */
export class MiniServer {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'fusewire-mini-'))
  readonly fd: number
  /** max_write 128 KiB and 80 bytes for the headers, with room to spare. */
  readonly rx: Uint32Array = new Uint32Array((256 << 10) / 4)
  readonly reply: Uint32Array = new Uint32Array(4096)
  readonly content: Buffer = Buffer.from('the content of f\n')
  readonly opcodes: number[] = []
  readonly ends: number[] = []
  readonly writeErrors: number[] = []
  answer: (opcode: number) => number | null = () => null
  pump: Pump | null = null

  constructor() {
    this.fd = calls.openDevice('/dev/fuse')
    if (this.fd < 0) throw new Error(`openDevice: ${this.fd}`)
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0'
    const mount = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'mini', this.dir], {
      stdio: ['ignore', 'ignore', 'pipe', this.fd],
      timeout: LIMIT.timeout,
    })
    if (mount.status !== 0) throw new Error(`mount: ${mount.stderr}`)
  }

  serve(): this {
    const pump = calls.pumpStart(
      this.fd,
      this.rx,
      this.reply,
      () => this.onRequest(),
      (error) => this.ends.push(error),
      (error) => this.writeErrors.push(error),
    )
    if (typeof pump === 'number') throw new Error(`pumpStart: ${pump}`)
    this.pump = pump
    return this
  }

  /** The number of the connection below /sys/fs/fuse/connections: the minor of the mount's device number. */
  get connection(): number {
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((each) => each.split(' ')[4] === this.dir)
    return Number(line!.split(' ')[2]!.split(':')[1])
  }

  onRequest(): number {
    const opcode = this.rx[1]!
    this.opcodes.push(opcode)
    return this.answer(opcode) ?? this.usual(opcode)
  }

  /** Fills the reply memory; the length of the reply, 0 for none. */
  usual(opcode: number): number {
    const { rx } = this
    const node = rx[4]!
    if (opcode === OP.FORGET || opcode === OP.INTERRUPT) return 0
    if (opcode === OP.INIT) return this.#init()
    if (opcode === OP.LOOKUP) {
      if (Buffer.from(rx.buffer).toString('latin1', IN * 4, rx[0]! - 1) !== 'f') return this.finish(0, ENOENT)
      return this.#entry()
    }
    if (opcode === OP.GETATTR) {
      const length = this.finish(104)
      this.#attr(OUT + 4, node)
      return length
    }
    if (opcode === OP.OPEN) return this.finish(16)
    if (opcode === OP.READ) return this.#read()
    return this.finish(0, opcode === OP.FLUSH || opcode === OP.RELEASE ? 0 : ENOSYS)
  }

  /** Header and zeros for a reply to the request in `rx`. */
  finish(bytes: number, error = 0): number {
    const { reply, rx } = this
    reply.fill(0, OUT, OUT + bytes / 4)
    reply[0] = 16 + bytes
    reply[1] = error
    reply[2] = rx[2]!
    reply[3] = rx[3]!
    return 16 + bytes
  }

  #init(): number {
    const length = this.finish(64)
    this.reply.set([7, 45, 128 << 10, 0, (9 << 16) | 12, 128 << 10, 1], OUT)
    return length
  }

  #entry(): number {
    const length = this.finish(128)
    this.reply[OUT] = 2 // nodeid; entry and attributes are valid for 0 seconds
    this.#attr(OUT + 10, 2)
    return length
  }

  #attr(word: number, node: number): void {
    const { reply } = this
    reply[word] = node
    reply[word + 2] = node === 1 ? 0 : this.content.length
    reply[word + 15] = node === 1 ? S_IFDIR : S_IFREG
    reply[word + 16] = 1
  }

  #read(): number {
    const start = this.rx[IN + 2]!
    const data = this.content.subarray(start, start + this.rx[IN + 4]!)
    this.finish(0)
    Buffer.from(this.reply.buffer).set(data, OUT * 4)
    this.reply[0] = 16 + data.length
    return 16 + data.length
  }

  /** Ends everything, whatever state a failed test left. */
  close(): void {
    if (this.pump !== null) calls.pumpStop(this.pump)
    calls.closeFd(this.fd)
    spawnSync('umount', ['-i', '-l', this.dir], { timeout: LIMIT.timeout })
    rmdirSync(this.dir)
  }
}
