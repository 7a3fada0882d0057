/**
 * The language of the spec tables. `structs*.ts`, `opcodes.ts`, `flags.ts`, `notify.ts` and `ioctl.ts` are plain
 * data in these shapes; `scripts/gen.ts` turns them into `../gen/*.ts`.
 */

/**
 * How one scalar of a kernel struct is read and written.
 *
 * - `u8`, `u16`, `u32`, `i32`: the C type.
 * - `u64`: a value that fits a JavaScript number because we or the file system allocate it (offsets, sizes, node ids,
 *   handles). The generated `<struct>_ok` predicate is false when its high word is 2^21 or more (value >= 2^53).
 * - `id64`: C uint64_t that is foreign and only compared or echoed: two words, never joined.
 * - `u64w`: C uint64_t with both forms, number (rounded above 2^53) and words. Not part of `<struct>_ok`: foreign inode
 *   numbers, user space addresses, and lock ends, which are 2^63-1 for "to the end of the file".
 * - `i64`: C int64_t as a signed number, saturated at 2^63-1 when written.
 * - `time64`: C uint64_t in which the kernel keeps signed seconds since 1970; handled as `i64`.
 */
export type ScalarType = 'u8' | 'u16' | 'u32' | 'i32' | 'u64' | 'id64' | 'u64w' | 'i64' | 'time64'

/**
 * A scalar, a fixed array `u32[6]`, a flexible array `u32[]`, raw `bytes[128]` or `bytes[]`, or the name of
 * another struct.
 */
export type FieldType = ScalarType | `${ScalarType | 'bytes'}[${number | ''}]` | `fuse_${string}`

export interface FieldSpec {
  readonly type: FieldType
  /** True for a `u64` that can also be read and written as two words. */
  readonly words?: boolean
  /** First protocol minor that gives the field its meaning, when later than the struct itself. */
  readonly since?: number
  /** Table of `flags.ts` that names the bits (or INIT_FLAGS, INIT_FLAGS2), for readable traces. */
  readonly flags?: string
}

export interface StructSpec {
  /** First protocol minor that has the struct; absent for structs that are older than the minors (7.1). */
  readonly since?: number
  /** In C order; the layout follows the C rules, and no struct of the protocol has hidden padding. */
  readonly fields: { readonly [name: string]: FieldType | FieldSpec }
}

/** What a name of a request may hold. All are NUL-terminated on the wire. */
export type NameKind =
  /** One path component: not empty, no '/'. */
  | 'component'
  /** A symlink's target: not empty, may hold '/'. */
  | 'target'
  /** An extended attribute's name: not empty, may hold '/'. */
  | 'xattr'
  /** TMPFILE sends the constant "/" because the file gets no name. */
  | 'anonymous'

/**
 * The bytes that follow the in-struct and the names: `count` elements of `unit` bytes, `count` a u32 field
 * of the in-struct.
 */
export interface PayloadSpec {
  readonly count: string
  readonly unit: number
}

export interface OpcodeSpec {
  readonly number: number
  /** First protocol minor that has the opcode (0 for the oldest). */
  readonly since: number
  readonly in?: string
  /** Smallest in-struct in bytes that a kernel of minor 31 or later sends, when less than the struct. */
  readonly inMin?: number
  /**
   * True for INIT and CUSE_INIT, which may grow with the kernel: any length of at least the smallest is
   * accepted.
   */
  readonly inOpenEnded?: boolean
  readonly names?: readonly NameKind[]
  readonly payloadIn?: PayloadSpec
  /** True when `in_header.total_extlen` extension blocks may follow (creations). */
  readonly extensions?: boolean
  /** Structs of a successful reply, in order. */
  readonly out?: readonly string[]
  /** The reply's struct instead of a payload when the request's `size` is 0. */
  readonly outIfSizeZero?: string
  readonly payloadOut?: boolean
  /** False for requests that must not be answered. */
  readonly reply?: boolean
  /** errno name for a number of 2^53 or more in the request; EOVERFLOW unless told. */
  readonly tooLarge?: string
  /**
   * True when the in-struct's numbers may use all 64 bits: a directory position is opaque, ext4's are
   * hashes.
   */
  readonly anyNumber?: boolean
}

/** A set of bits or numbers of one kernel name prefix. */
export interface ConstantSet {
  /** C names are `prefix + key`. */
  readonly prefix: string
  readonly doc: string
  readonly values: { readonly [name: string]: number }
}

/** A feature bit of INIT: `word` 0 is `flags`, 1 is `flags2`. */
export interface InitFlagSpec {
  readonly bit: number
  readonly since: number
}
