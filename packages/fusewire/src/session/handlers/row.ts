import type { FileSystem } from '../../api/filesystem.js'
import type { Result } from '../../api/request.js'
import type { Call } from '../call.js'

/** A filesystem whose method for the opcode in hand exists: the dispatch table holds no row for one that lacks it. */
export type Fs = Required<FileSystem>

/** How one opcode is carried to the filesystem and its result back into a reply. */
export interface HandlerRow {
  /** The methods of which the filesystem must have one. */
  readonly method: keyof FileSystem
  /** Takes the request apart and calls the filesystem. May throw. */
  readonly run: (call: Call, fs: Fs) => Result
  /**
   * Turns a result >= 0 into the reply's body: its bytes, or a negative errno when what the filesystem gave is not
   * an answer (see `Complaints`).
   */
  readonly finish: (call: Call, result: number) => number
  /** Takes back what a success gave to the kernel when the kernel never got the reply. */
  readonly undo?: (call: Call, fs: FileSystem) => void
}
