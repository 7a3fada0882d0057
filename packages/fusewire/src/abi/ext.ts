import { errno } from './errno.js'
import { EXT_TYPE } from './gen/flags.js'
import { EXT_HEADER_SIZE, SECCTX_HEADER_SIZE, SECCTX_SIZE, SUPP_GROUPS_SIZE } from './gen/structs.js'

/**
 * Extension blocks behind the names of a creation. They follow a name without padding, so they may lie at any address:
 * everything here reads and writes single bytes.
 *
 * ```
 * block     = size u32, kind u32, body, zeroes up to a multiple of 8     (size counts all of it)
 * kind      0..31: number of security contexts in the body; 32: supplementary groups
 * context   = size u32, padding u32, name NUL, value[size]
 * groups    = number u32, gid u32 ...
 * ```
 */
export class ExtensionBlocks {
  /** Security contexts, at most 31. Linux 6.18 sends none or one. */
  secctxCount = 0
  /**
   * Supplementary groups; -1 when the request has no such block. Linux 6.18 sends at most the parent
   * directory's.
   */
  groupCount = -1
  #bytes: Uint8Array = new Uint8Array(0)
  /** Four numbers per context: name, its length, value, its length. */
  readonly #secctx = new Uint32Array(4 * EXT_TYPE.MAX_NR_SECCTX)
  #groups = 0

  /** Byte offset of the name (without NUL) and of the value of context `i`, and their lengths. */
  secctxName = (i: number): number => this.#secctx[4 * i]!
  secctxNameLength = (i: number): number => this.#secctx[4 * i + 1]!
  secctxValue = (i: number): number => this.#secctx[4 * i + 2]!
  secctxValueLength = (i: number): number => this.#secctx[4 * i + 3]!

  /** Gid number `i` of the supplementary groups. */
  group = (i: number): number => u32(this.#bytes, this.#groups + 4 * i)

  /**
   * Reads the blocks in `bytes[start .. start + length)`, as a checked frame gives them (`ext`, `extLength`). Blocks of
   * types that are not known are passed over.
   *
   * @returns 0, or -EPROTO when a size leads out of its block or a block comes twice.
   */
  parse(bytes: Uint8Array, start: number, length: number): number {
    this.secctxCount = 0
    this.groupCount = -1
    this.#bytes = bytes
    const end = start + length
    if (end > bytes.length) return -errno.EPROTO
    let at = start
    let seenSecctx = false
    while (at < end) {
      if (end - at < EXT_HEADER_SIZE) return -errno.EPROTO
      const size = u32(bytes, at)
      const kind = u32(bytes, at + 4)
      if (size < EXT_HEADER_SIZE || size % 8 !== 0 || size > end - at) return -errno.EPROTO
      if (kind <= EXT_TYPE.MAX_NR_SECCTX) {
        if (seenSecctx || this.#parseSecctx(at + SECCTX_HEADER_SIZE, at + size, kind) < 0)
          return -errno.EPROTO
        seenSecctx = true
      } else if (kind === EXT_TYPE.EXT_GROUPS) {
        if (this.groupCount >= 0 || this.#parseGroups(at + EXT_HEADER_SIZE, at + size) < 0)
          return -errno.EPROTO
      }
      at += size
    }
    return 0
  }

  #parseSecctx(start: number, end: number, count: number): number {
    let at = start
    for (let i = 0; i < count; i++) {
      if (end - at < SECCTX_SIZE) return -1
      const valueLength = u32(this.#bytes, at)
      const name = at + SECCTX_SIZE
      let nul = name
      while (nul < end && this.#bytes[nul] !== 0) nul++
      if (nul === end || nul === name || valueLength > end - nul - 1) return -1
      this.#secctx[4 * i] = name
      this.#secctx[4 * i + 1] = nul - name
      this.#secctx[4 * i + 2] = nul + 1
      this.#secctx[4 * i + 3] = valueLength
      at = nul + 1 + valueLength
    }
    this.secctxCount = count
    return 0
  }

  #parseGroups(at: number, end: number): number {
    if (end - at < SUPP_GROUPS_SIZE) return -1
    const count = u32(this.#bytes, at)
    if (count > (end - at - SUPP_GROUPS_SIZE) / 4) return -1
    this.groupCount = count
    this.#groups = at + SUPP_GROUPS_SIZE
    return 0
  }
}

/** A security context for `secctxBlock`: the xattr name without NUL and the label. */
export interface SecurityContext {
  readonly name: Uint8Array
  readonly value: Uint8Array
}

/**
 * The block of security contexts that the kernel sends with INIT flag SECURITY_CTX, also when there are
 * none.
 */
export function secctxBlock(contexts: readonly SecurityContext[]): Uint8Array {
  const used = contexts.reduce(
    (sum, c) => sum + SECCTX_SIZE + c.name.length + 1 + c.value.length,
    SECCTX_HEADER_SIZE,
  )
  const block = new Uint8Array((used + 7) & ~7)
  putU32(block, 0, block.length)
  putU32(block, 4, contexts.length)
  let at = SECCTX_HEADER_SIZE
  for (const context of contexts) {
    putU32(block, at, context.value.length)
    block.set(context.name, at + SECCTX_SIZE)
    at += SECCTX_SIZE + context.name.length + 1
    block.set(context.value, at)
    at += context.value.length
  }
  return block
}

/** The block of supplementary groups that the kernel sends with INIT flag CREATE_SUPP_GROUP. */
export function groupsBlock(groups: readonly number[]): Uint8Array {
  const block = new Uint8Array((EXT_HEADER_SIZE + SUPP_GROUPS_SIZE + 4 * groups.length + 7) & ~7)
  putU32(block, 0, block.length)
  putU32(block, 4, EXT_TYPE.EXT_GROUPS)
  putU32(block, EXT_HEADER_SIZE, groups.length)
  groups.forEach((gid, i) => {
    putU32(block, EXT_HEADER_SIZE + SUPP_GROUPS_SIZE + 4 * i, gid)
  })
  return block
}

const u32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}
