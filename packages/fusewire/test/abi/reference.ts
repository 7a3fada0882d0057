import { readFileSync } from 'node:fs'

/** Facts about the protocol that were taken from a C compiler and a running kernel, not from our tables. */
export interface ReferenceField {
  readonly name: string
  readonly offset: number
  readonly size: number
  readonly type: 'u8' | 'u16' | 'u32' | 'u64' | 'i16' | 'i32' | 'i64' | 'bytes' | 'struct'
  readonly struct?: string
  readonly count?: number
  readonly since?: string
}

export interface ReferenceStruct {
  readonly size: number
  readonly since: string
  readonly fields: readonly ReferenceField[]
  readonly kernelBtf: string
}

export interface ReferencePart {
  readonly kind: 'struct' | 'cstring' | 'bytes' | 'array' | 'extensions' | 'records' | 'oneOf'
  readonly struct?: string
  readonly name?: string
  readonly length?: string
  readonly count?: string
  readonly variants?: readonly number[]
  readonly choices?: readonly { readonly when: string; readonly parts: readonly ReferencePart[] }[]
}

export interface ReferenceOpcode {
  readonly number: number
  readonly since: string
  readonly request: readonly ReferencePart[]
  readonly reply: readonly ReferencePart[] | null
  readonly noReply: boolean
}

export interface Reference {
  readonly structs: { readonly [name: string]: ReferenceStruct }
  readonly opcodes: { readonly [name: string]: ReferenceOpcode }
  readonly notify: {
    readonly codes: {
      readonly [name: string]: {
        readonly code: number
        readonly since: string
        readonly body: readonly ReferencePart[]
      }
    }
  }
  readonly initFlags: {
    readonly [name: string]: {
      readonly bit: number
      readonly word: string
      readonly mask: string
      readonly since: string
      readonly aliasOf?: string
    }
  }
  readonly constants: { readonly [group: string]: { readonly [name: string]: number | string } }
  readonly ioctls: { readonly [name: string]: { readonly value: number } }
  readonly uring: { readonly commands: { readonly [name: string]: number } }
}

/** Tests run from dist/test/abi; data stays beside the sources. */
export const dataFile = (name: string): URL => new URL(`../../../test/abi/data/${name}`, import.meta.url)

export const reference = JSON.parse(readFileSync(dataFile('fuse-abi.json'), 'utf8')) as Reference

/** '7.38' -> 38, 'base' -> 0. */
export const minorOf = (since: string | undefined): number => Number(/^7\.(\d+)/.exec(since ?? '')?.[1] ?? 0)
