/**
 * A reader of BTF, the kernel's own type information (Documentation/bpf/btf.rst of the kernel): enough to lay out
 * structs and to read enumerations.
 */
export interface BtfMember {
  readonly name: string
  /** In bytes. */
  readonly offset: number
  /** In bytes; 0 for a flexible array. */
  readonly size: number
}

export interface BtfStruct {
  readonly size: number
  readonly members: readonly BtfMember[]
}

interface BtfType {
  readonly name: string
  readonly kind: number
  readonly vlen: number
  /** Size in bytes of sized kinds, type id of references. */
  readonly sizeOrType: number
  /** Where the data behind the common part starts. */
  readonly data: number
}

const MAGIC = 0xeb9f
const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
} as const
const KIND_DECL_TAG = 17
const KIND_ENUM64 = 19
/** Kinds that stand for another type: typedef, volatile, const, restrict, type tag. */
const TRANSPARENT = new Set([8, 9, 10, 11, 18])
/** Types nest less deep than this in any sane file. */
const DEPTH_MAX = 32

export class Btf {
  readonly structs = new Map<string, BtfStruct>()
  readonly enums = new Map<string, ReadonlyMap<string, number>>()
  readonly #view: DataView
  readonly #strings: Uint8Array
  readonly #types: (BtfType | null)[] = [null]

  constructor(file: Uint8Array) {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    if (view.getUint16(0, true) !== MAGIC) throw new Error('not BTF, or not of a little-endian machine')
    const header = view.getUint32(4, true)
    const types = header + view.getUint32(8, true)
    const strings = header + view.getUint32(16, true)
    this.#view = view
    this.#strings = file.subarray(strings, strings + view.getUint32(20, true))
    this.#scan(types, types + view.getUint32(12, true))
    this.#collect()
  }

  #scan(start: number, end: number): void {
    for (let at = start; at < end; ) {
      const info = this.#view.getUint32(at + 4, true)
      const kind = (info >>> 24) & 0x1f
      const vlen = info & 0xffff
      const name = this.#string(this.#view.getUint32(at, true))
      this.#types.push({ name, kind, vlen, sizeOrType: this.#view.getUint32(at + 8, true), data: at + 12 })
      at += 12 + dataSize(kind, vlen)
    }
  }

  #string(offset: number): string {
    const end = this.#strings.indexOf(0, offset)
    return Buffer.from(this.#strings.subarray(offset, end)).toString('latin1')
  }

  #collect(): void {
    for (const type of this.#types) {
      if (type === null || type.name === '') continue
      if (type.kind === KIND.STRUCT && !this.structs.has(type.name))
        this.structs.set(type.name, this.#struct(type))
      if (type.kind === KIND.ENUM) this.enums.set(type.name, this.#enum(type))
    }
  }

  #struct(type: BtfType): BtfStruct {
    const members: BtfMember[] = []
    for (let i = 0; i < type.vlen; i++) {
      const at = type.data + i * 12
      const bits = this.#view.getUint32(at + 8, true) & 0xffffff
      members.push({
        name: this.#string(this.#view.getUint32(at, true)),
        offset: bits / 8,
        size: this.#sizeOf(this.#view.getUint32(at + 4, true), 0),
      })
    }
    return { size: type.sizeOrType, members }
  }

  #enum(type: BtfType): ReadonlyMap<string, number> {
    const values = new Map<string, number>()
    for (let i = 0; i < type.vlen; i++) {
      const at = type.data + i * 8
      values.set(this.#string(this.#view.getUint32(at, true)), this.#view.getInt32(at + 4, true))
    }
    return values
  }

  #sizeOf(id: number, depth: number): number {
    const type = this.#types[id]
    if (!type || depth > DEPTH_MAX) return 0
    if (TRANSPARENT.has(type.kind)) return this.#sizeOf(type.sizeOrType, depth + 1)
    if (type.kind === KIND.PTR) return 8
    if (type.kind !== KIND.ARRAY) return type.sizeOrType
    return (
      this.#view.getUint32(type.data + 8, true) *
      this.#sizeOf(this.#view.getUint32(type.data, true), depth + 1)
    )
  }
}

/** Bytes behind the common 12 of a type. */
function dataSize(kind: number, vlen: number): number {
  switch (kind) {
    case KIND.INT:
    case KIND.VAR:
    case KIND_DECL_TAG:
      return 4
    case KIND.ARRAY:
      return 12
    case KIND.STRUCT:
    case KIND.UNION:
    case KIND.DATASEC:
    case KIND_ENUM64:
      return 12 * vlen
    case KIND.ENUM:
    case KIND.FUNC_PROTO:
      return 8 * vlen
    default:
      return 0
  }
}
