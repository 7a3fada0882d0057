import { errnoName } from '../abi/errno.js'
import { NOTIFY_INVAL_ENTRY_FLAG, NotifyCode } from '../abi/gen/flags.js'
import * as abi from '../abi/gen/structs.js'
import type { Notify, PollHandle } from '../api/connection.js'
import { type ErrnoName, FsError } from '../api/errors.js'
import { Memory, OUT_HEADER_BYTES } from '../transport/slot.js'

const BODY = OUT_HEADER_BYTES / 4
const TWO_32 = 0x1_0000_0000

/** Builds notifications and sends them through the transport; keeps the RETRIEVEs that wait for their data. */
export class Notifier implements Notify {
  readonly #send: (message: Uint8Array) => Promise<number>
  readonly #encoding: BufferEncoding
  readonly #waiting = new Map<
    number,
    { resolve: (data: Uint8Array) => void; reject: (error: Error) => void }
  >()
  #lastRetrieve = 0
  #ended = false

  constructor(send: (message: Uint8Array) => Promise<number>, encoding: BufferEncoding) {
    this.#send = send
    this.#encoding = encoding
  }

  poll(handle: PollHandle): Promise<void> {
    return this.#notify(NotifyCode.POLL, abi.NOTIFY_POLL_WAKEUP_OUT_SIZE, (words) => {
      words[BODY] = handle.low
      words[BODY + 1] = handle.high
    })
  }

  invalInode(node: number, offset = 0, length = 0): Promise<void> {
    return this.#notify(NotifyCode.INVAL_INODE, abi.NOTIFY_INVAL_INODE_OUT_SIZE, (words) => {
      abi.setNotifyInvalInodeOut_ino(words, BODY, node)
      abi.setNotifyInvalInodeOut_off(words, BODY, offset)
      abi.setNotifyInvalInodeOut_len(words, BODY, length)
    })
  }

  invalEntry(
    parent: number,
    name: string | Uint8Array,
    options: { expireOnly?: boolean } = {},
  ): Promise<void> {
    const bytes = this.#bytes(name)
    const size = abi.NOTIFY_INVAL_ENTRY_OUT_SIZE
    return this.#notify(NotifyCode.INVAL_ENTRY, size + bytes.length + 1, (words, message) => {
      abi.setNotifyInvalEntryOut_parent(words, BODY, parent)
      abi.setNotifyInvalEntryOut_namelen(words, BODY, bytes.length)
      const flags = options.expireOnly === true ? NOTIFY_INVAL_ENTRY_FLAG.EXPIRE_ONLY : 0
      abi.setNotifyInvalEntryOut_flags(words, BODY, flags)
      message.set(bytes, OUT_HEADER_BYTES + size)
    })
  }

  delete(parent: number, child: number, name: string | Uint8Array): Promise<void> {
    const bytes = this.#bytes(name)
    const size = abi.NOTIFY_DELETE_OUT_SIZE
    return this.#notify(NotifyCode.DELETE, size + bytes.length + 1, (words, message) => {
      abi.setNotifyDeleteOut_parent(words, BODY, parent)
      abi.setNotifyDeleteOut_child(words, BODY, child)
      abi.setNotifyDeleteOut_namelen(words, BODY, bytes.length)
      message.set(bytes, OUT_HEADER_BYTES + size)
    })
  }

  store(node: number, offset: number, data: Uint8Array): Promise<void> {
    const size = abi.NOTIFY_STORE_OUT_SIZE
    return this.#notify(NotifyCode.STORE, size + data.length, (words, message) => {
      abi.setNotifyStoreOut_nodeid(words, BODY, node)
      abi.setNotifyStoreOut_offset(words, BODY, offset)
      abi.setNotifyStoreOut_size(words, BODY, data.length)
      message.set(data, OUT_HEADER_BYTES + size)
    })
  }

  async retrieve(node: number, offset: number, size: number): Promise<Uint8Array> {
    const id = this.#nextRetrieve()
    const data = new Promise<Uint8Array>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    data.catch(() => {})
    try {
      await this.#notify(NotifyCode.RETRIEVE, abi.NOTIFY_RETRIEVE_OUT_SIZE, (words) => {
        words[BODY] = id
        words[BODY + 1] = 0
        abi.setNotifyRetrieveOut_nodeid(words, BODY, node)
        abi.setNotifyRetrieveOut_offset(words, BODY, offset)
        abi.setNotifyRetrieveOut_size(words, BODY, size)
      })
    } catch (error) {
      this.#waiting.delete(id)
      throw error
    }
    return data
  }

  resend(): Promise<void> {
    return this.#notify(NotifyCode.RESEND, 0, () => {})
  }

  incEpoch(): Promise<void> {
    return this.#notify(NotifyCode.INC_EPOCH, 0, () => {})
  }

  prune(nodes: readonly number[]): Promise<void> {
    const size = abi.NOTIFY_PRUNE_OUT_SIZE
    return this.#notify(NotifyCode.PRUNE, size + nodes.length * 8, (words) => {
      abi.setNotifyPruneOut_count(words, BODY, nodes.length)
      for (const [i, node] of nodes.entries()) {
        words[BODY + size / 4 + i * 2] = node >>> 0
        words[BODY + size / 4 + i * 2 + 1] = Math.floor(node / TWO_32)
      }
    })
  }

  /** The data of a RETRIEVE has come (NOTIFY_REPLY); false when nobody waits for this number. */
  retrieved(id: number, data: Uint8Array): boolean {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return false
    this.#waiting.delete(id)
    waiting.resolve(data)
    return true
  }

  /** Rejects whatever waits: the mount has ended. */
  end(): void {
    this.#ended = true
    for (const waiting of this.#waiting.values()) waiting.reject(ended())
    this.#waiting.clear()
  }

  #nextRetrieve(): number {
    do {
      this.#lastRetrieve = (this.#lastRetrieve + 1) >>> 0 || 1
    } while (this.#waiting.has(this.#lastRetrieve))
    return this.#lastRetrieve
  }

  #bytes(name: string | Uint8Array): Uint8Array {
    return typeof name === 'string' ? Buffer.from(name, this.#encoding) : name
  }

  async #notify(
    code: number,
    length: number,
    fill: (words: Uint32Array, bytes: Buffer) => void,
  ): Promise<void> {
    if (this.#ended) throw ended()
    const total = OUT_HEADER_BYTES + length
    const memory = new Memory(Math.max(total, OUT_HEADER_BYTES + 64))
    memory.words[0] = total
    memory.words[1] = code
    fill(memory.words, memory.bytes)
    const result = await this.#send(memory.bytes.subarray(0, total))
    if (result < 0)
      throw new FsError(errnoName(-result) as ErrnoName, `notification ${code} was refused by the kernel`)
  }
}

const ended = (): FsError => new FsError('ENODEV', 'the mount has ended')
