import type { FieldSpec, FieldType, ScalarType, StructSpec } from './spec/types.js'

/** A field with its place, computed from the tables by the rules of C. */
export interface FieldLayout {
  /** C name. */
  readonly name: string
  /** In bytes from the start of the struct. */
  readonly offset: number
  /** In bytes; 0 for a flexible array. */
  readonly size: number
  /** Null for raw bytes and nested structs. */
  readonly scalar: ScalarType | null
  /** C name of a nested struct. */
  readonly struct: string | null
  /** Elements of an array (0 when flexible), null for anything else. */
  readonly count: number | null
  /** First minor with this field (at least the struct's own). */
  readonly since: number
  /** Whether the field has a form of two words besides that of a number. */
  readonly words: boolean
  /** Table of flag names, if any. */
  readonly flags: string | null
}

export interface StructLayout {
  readonly name: string
  /** In bytes; every struct but `fuse_removemapping_in` and `fuse_supp_groups` is a multiple of 8. */
  readonly size: number
  readonly align: number
  readonly since: number
  readonly fields: readonly FieldLayout[]
}

const SCALAR_SIZE: { readonly [type in ScalarType]: number } = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  id64: 8,
  u64w: 8,
  i64: 8,
  time64: 8,
}

type Tables = { readonly [name: string]: StructSpec }

/**
 * Lays out every struct of `tables`. Throws on an unknown type or hidden padding: both are mistakes in a
 * table.
 */
export function layoutAll(tables: Tables): Map<string, StructLayout> {
  const done = new Map<string, StructLayout>()
  for (const name of Object.keys(tables)) layoutStruct(name, tables, done)
  return done
}

function layoutStruct(name: string, tables: Tables, done: Map<string, StructLayout>): StructLayout {
  const known = done.get(name)
  if (known) return known
  const spec = tables[name]
  if (!spec) throw new Error(`struct ${name} is used but not in the tables`)
  const since = spec.since ?? 0
  const fields: FieldLayout[] = []
  let offset = 0
  let align = 1
  for (const [fieldName, entry] of Object.entries(spec.fields)) {
    const field: FieldSpec = typeof entry === 'string' ? { type: entry } : entry
    const shape = shapeOf(field.type, tables, done)
    if (offset % shape.align !== 0)
      throw new Error(`${name}.${fieldName}: hidden padding at offset ${offset}`)
    fields.push({
      name: fieldName,
      offset,
      size: shape.size,
      scalar: shape.scalar,
      struct: shape.struct,
      count: shape.count,
      since: field.since ?? since,
      words: shape.scalar === 'u64w' || field.words === true,
      flags: field.flags ?? null,
    })
    offset += shape.size
    align = Math.max(align, shape.align)
  }
  if (offset % align !== 0) throw new Error(`${name}: hidden padding at its end (size ${offset})`)
  const layout = { name, size: offset, align, since, fields }
  done.set(name, layout)
  return layout
}

interface Shape {
  size: number
  align: number
  scalar: ScalarType | null
  struct: string | null
  count: number | null
}

function shapeOf(type: FieldType, tables: Tables, done: Map<string, StructLayout>): Shape {
  const array = /^(\w+)\[(\d*)\]$/.exec(type)
  const base = array?.[1] ?? type
  const count = array ? Number(array[2] ?? 0) : null
  if (base === 'bytes') return { size: count ?? 0, align: 1, scalar: null, struct: null, count }
  if (base in SCALAR_SIZE) {
    const scalar = base as ScalarType
    const size = SCALAR_SIZE[scalar]
    return { size: size * (count ?? 1), align: size, scalar, struct: null, count }
  }
  const nested = layoutStruct(base, tables, done)
  return { size: nested.size, align: nested.align, scalar: null, struct: base, count: null }
}

/** `fuse_read_in` -> `readIn`, `lock_owner` -> `lockOwner`, `__reserved` -> `reserved`. */
export function camelCase(name: string): string {
  return name
    .replace(/^fuse_/, '')
    .replace(/^_+/, '')
    .replace(/_+(\w)/g, (_all, letter: string) => letter.toUpperCase())
}

/** `fuse_read_in` -> `READ_IN`. */
export function upperCase(name: string): string {
  return name
    .replace(/^fuse_/, '')
    .replace(/^_+/, '')
    .toUpperCase()
}
