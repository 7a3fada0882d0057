import { OPCODES } from '../abi/gen/opcodes.js'
import type { OpcodeRow } from '../abi/opcode-row.js'
import type { FileSystem } from '../api/filesystem.js'
import { DIR_ROWS } from './handlers/dir.js'
import { ENTRY_ROWS } from './handlers/entry.js'
import { FILE_ROWS } from './handlers/file.js'
import { MISC_ROWS } from './handlers/misc.js'
import { NODE_ROWS } from './handlers/node.js'
import type { HandlerRow } from './handlers/row.js'

/** One opcode: what the protocol says of it and how this filesystem serves it. */
export interface DispatchRow extends HandlerRow {
  readonly opcode: OpcodeRow
}

const HANDLERS: Readonly<Record<string, HandlerRow>> = {
  ...ENTRY_ROWS,
  ...FILE_ROWS,
  ...DIR_ROWS,
  ...NODE_ROWS,
  ...MISC_ROWS,
}

/** Opcodes that the session serves itself: they are about the connection, not about files. */
export const SESSION_OPCODES: ReadonlySet<string> = new Set([
  'FORGET',
  'BATCH_FORGET',
  'INIT',
  'DESTROY',
  'INTERRUPT',
  'NOTIFY_REPLY',
  'CUSE_INIT',
])

/** The largest opcode of a FUSE mount is below this; CUSE_INIT (4096) never comes to one. */
export const OPCODE_LIMIT = 64

/**
 * The rows of what this filesystem can do, by opcode number. Where a row is missing the answer is ENOSYS, which the
 * kernel remembers for most opcodes and then does without.
 */
export function dispatchTable(fs: FileSystem): (DispatchRow | undefined)[] {
  const table = new Array<DispatchRow | undefined>(OPCODE_LIMIT).fill(undefined)
  for (const opcode of OPCODES) {
    const handler = HANDLERS[opcode.name]
    if (handler === undefined || typeof fs[handler.method] !== 'function') continue
    table[opcode.number] = { ...handler, opcode }
  }
  return table
}

/** Every opcode of the protocol that has a handler here, for tests that compare with the tables. */
export const HANDLED: readonly string[] = Object.keys(HANDLERS)
