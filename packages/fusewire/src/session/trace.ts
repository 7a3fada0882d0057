import { formatReply, formatRequest } from '../abi/format.js'
import { Op } from '../abi/gen/opcodes.js'
import { getxattrIn_size } from '../abi/gen/structs.js'
import type { Call } from './call.js'

/** One message of a recorded connection. */
export interface TraceRecord {
  readonly kind: 'request' | 'reply'
  /** The message as it went over the wire, header included. */
  readonly bytes: Uint8Array
}

/** Every request and every reply: as a readable line for `--debug`, and as bytes for whoever records. */
export class Trace {
  readonly #line: ((line: string) => void) | null
  readonly #record: ((record: TraceRecord) => void) | null

  constructor(line: ((line: string) => void) | null, record: ((record: TraceRecord) => void) | null) {
    this.#line = line
    this.#record = record
  }

  request(call: Call): void {
    const bytes = call.bytes.subarray(0, call.length)
    this.#record?.({ kind: 'request', bytes: Uint8Array.from(bytes) })
    this.#line?.(formatRequest(call.words, call.header, bytes))
  }

  /** Called when the reply's header and body stand in the call's reply memory. */
  reply(call: Call): void {
    const { body, bodyStart, length } = call.data
    if (this.#record !== null) {
      const rest = body === null ? new Uint8Array(0) : body.subarray(bodyStart, bodyStart + length)
      const head = call.replyBytes.subarray(0, call.replyWords[0]! - rest.length)
      this.#record({ kind: 'reply', bytes: Buffer.concat([head, rest]) })
    }
    if (this.#line === null) return
    const asksSize = call.opcode === Op.GETXATTR || call.opcode === Op.LISTXATTR
    const line = formatReply(call.replyWords, 0, call.replyBytes, call.opcode, {
      sizeZero: asksSize && getxattrIn_size(call.words, call.op) === 0,
      ...(body === null ? {} : { payload: body.subarray(bodyStart, bodyStart + length) }),
    })
    this.#line(line)
  }
}
