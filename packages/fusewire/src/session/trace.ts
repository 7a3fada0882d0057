import { formatReply, formatRequest } from '../abi/format.js'
import { Op } from '../abi/gen/opcodes.js'
import { getxattrIn_size } from '../abi/gen/structs.js'
import type { Call } from './call.js'

/** One readable line for every request and every reply, for `--debug`. */
export class Trace {
  readonly #line: (line: string) => void

  constructor(line: (line: string) => void) {
    this.#line = line
  }

  request(call: Call): void {
    this.#line(formatRequest(call.words, call.header, call.bytes.subarray(0, call.length)))
  }

  /** Called when the reply's header and body stand in the call's reply memory. */
  reply(call: Call): void {
    const { body, bodyStart, length } = call.data
    const asksSize = call.opcode === Op.GETXATTR || call.opcode === Op.LISTXATTR
    const line = formatReply(call.replyWords, 0, call.replyBytes, call.opcode, {
      sizeZero: asksSize && getxattrIn_size(call.words, call.op) === 0,
      ...(body === null ? {} : { payload: body.subarray(bodyStart, bodyStart + length) }),
    })
    this.#line(line)
  }
}
