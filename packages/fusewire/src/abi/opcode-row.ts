import type { StructName } from './spec/structs.js'
import type { NameKind } from './spec/types.js'

/** All that is known about one opcode; dispatch, checks, traces and tests read it. */
export interface OpcodeRow {
  readonly number: number
  /** Kernel name without `FUSE_`. */
  readonly name: string
  /** First protocol minor that has it. */
  readonly since: number
  /** C name of the struct after the header, null if there is none. */
  readonly in: StructName | null
  /** Bytes of `in`, 0 if there is none. */
  readonly inSize: number
  /** Bytes of `in` that every supported kernel sends at least. */
  readonly inSizeMin: number
  /**
   * Whether every number of `in` is below 2^53, so that the generated readers are exact; null without `in`.
   */
  readonly inOk: ((u: Uint32Array, b: number) => boolean) | null
  /** True for INIT: newer kernels may send more than `inSize`. */
  readonly inOpenEnded: boolean
  /** NUL-terminated names after the struct. */
  readonly names: 0 | 1 | 2
  readonly name1: NameKind | null
  readonly name2: NameKind | null
  /** Whether bytes or records follow the names. */
  readonly payloadIn: boolean
  /** Word of `in` that counts the payload's elements, -1 without payload. */
  readonly payloadWord: number
  /** Bytes of one element of the payload, 0 without payload. */
  readonly payloadUnit: number
  /** Whether `in_header.total_extlen` extension blocks may come last. */
  readonly extensions: boolean
  /** C name of the reply's struct, null if there is none. */
  readonly out: StructName | null
  /** C name of the struct behind `out` (CREATE and TMPFILE). */
  readonly out2: StructName | null
  /** Bytes of `out` and `out2`. */
  readonly outSize: number
  /**
   * C name of the reply's struct when the request's `size` is 0, in place of the payload (GETXATTR,
   * LISTXATTR).
   */
  readonly outIfSizeZero: StructName | null
  /** Whether the reply ends with bytes of any length up to what the request allows. */
  readonly payloadOut: boolean
  /** False for requests that must not be answered. */
  readonly reply: boolean
  /** errno name that answers a request with a number of 2^53 or more. */
  readonly tooLarge: 'EOVERFLOW' | 'EFBIG' | 'ENXIO'
}
