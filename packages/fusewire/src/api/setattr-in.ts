import { FATTR } from '../abi/gen/flags.js'
import * as abi from '../abi/gen/structs.js'
import type { RequestArea } from './area.js'

/** What setattr shall change: chmod, chown, truncate, utimensat in one (`struct fuse_setattr_in`). */
export class SetattrIn {
  readonly #area: RequestArea

  constructor(area: RequestArea) {
    this.#area = area
  }

  /** `FATTR_*` bits of what is to be changed; may be 0 (then only the attributes are wanted). */
  get valid(): number {
    return abi.setattrIn_valid(this.#area.words, this.#area.op)
  }
  /** The open file's handle for ftruncate(2) and the like, else undefined. */
  get handle(): number | undefined {
    return (this.valid & FATTR.FH) === 0 ? undefined : abi.setattrIn_fh(this.#area.words, this.#area.op)
  }
  get mode(): number {
    return abi.setattrIn_mode(this.#area.words, this.#area.op)
  }
  get uid(): number {
    return abi.setattrIn_uid(this.#area.words, this.#area.op)
  }
  get gid(): number {
    return abi.setattrIn_gid(this.#area.words, this.#area.op)
  }
  /** Bytes, 0..2^53-1 (larger ones were refused with EFBIG). */
  get size(): number {
    return abi.setattrIn_size(this.#area.words, this.#area.op)
  }
  /** Whole seconds since 1970, negative before it; meant only when `valid` has ATIME and not ATIME_NOW. */
  get atime(): number {
    return abi.setattrIn_atime(this.#area.words, this.#area.op)
  }
  get atimensec(): number {
    return abi.setattrIn_atimensec(this.#area.words, this.#area.op)
  }
  get mtime(): number {
    return abi.setattrIn_mtime(this.#area.words, this.#area.op)
  }
  get mtimensec(): number {
    return abi.setattrIn_mtimensec(this.#area.words, this.#area.op)
  }
  get ctime(): number {
    return abi.setattrIn_ctime(this.#area.words, this.#area.op)
  }
  get ctimensec(): number {
    return abi.setattrIn_ctimensec(this.#area.words, this.#area.op)
  }
  /** True for truncations and chowns after which set-id bits must be cleared (HANDLE_KILLPRIV_V2). */
  get killSuidgid(): boolean {
    return (this.valid & FATTR.KILL_SUIDGID) !== 0
  }
}
