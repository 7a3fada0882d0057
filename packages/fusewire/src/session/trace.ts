import { errnoName } from '../abi/errno.js'
import { opcodeRow } from '../abi/gen/opcodes.js'
import type { Call } from './call.js'

/** One line for every request and every reply, for `--debug`. */
export class Trace {
  readonly #line: (line: string) => void

  constructor(line: (line: string) => void) {
    this.#line = line
  }

  request(call: Call): void {
    const name = opcodeRow(call.opcode)?.name ?? `opcode ${call.opcode}`
    this.#line(
      `-> ${call.request.unique} ${name} node ${call.node} pid ${call.request.pid} ${call.length} bytes`,
    )
  }

  reply(call: Call, error: number, length: number): void {
    const result = error === 0 ? `${length} bytes` : errnoName(-error)
    this.#line(`<- ${call.request.unique} ${result}`)
  }
}
