import { errno } from '../../api/errors.js'

/** Limits of one user. */
export interface UserLimits {
  /** Blocks. */
  readonly blocks: number
  readonly inodes: number
}

/** What a filesystem may hold, what it holds, and for whom. Counts blocks of `BLOCK` bytes and inodes. */
export class Space {
  readonly blockLimit: number
  readonly inodeLimit: number
  blocks = 0
  inodes = 0
  readonly #limitsOf: ((uid: number) => UserLimits | undefined) | null
  readonly #accounts = new Map<number, Account>()
  readonly #common: Account

  /** @param limitsOf limits by user; null when no user has one, which saves the bookkeeping */
  constructor(
    blockLimit: number,
    inodeLimit: number,
    limitsOf: ((uid: number) => UserLimits | undefined) | null = null,
  ) {
    this.blockLimit = blockLimit
    this.inodeLimit = inodeLimit
    this.#limitsOf = limitsOf
    this.#common = new Account(this, NO_LIMITS)
  }

  /** On whose account the nodes of `uid` go. */
  accountOf(uid: number): Account {
    if (this.#limitsOf === null) return this.#common
    let account = this.#accounts.get(uid)
    if (account === undefined) {
      account = new Account(this, this.#limitsOf(uid) ?? NO_LIMITS)
      this.#accounts.set(uid, account)
    }
    return account
  }
}

const NO_LIMITS: UserLimits = { blocks: Infinity, inodes: Infinity }

/** What one user's nodes hold. The filesystem's own limit is ENOSPC, the user's is EDQUOT. */
export class Account {
  readonly #space: Space
  readonly #limits: UserLimits
  blocks = 0
  inodes = 0

  constructor(space: Space, limits: UserLimits) {
    this.#space = space
    this.#limits = limits
  }

  /** Takes `count` blocks, or gives them back when negative. 0, -ENOSPC or -EDQUOT; all or nothing. */
  takeBlocks(count: number): number {
    const space = this.#space
    if (count > 0) {
      if (this.blocks + count > this.#limits.blocks) return -errno.EDQUOT
      if (space.blocks + count > space.blockLimit) return -errno.ENOSPC
    }
    this.blocks += count
    space.blocks += count
    return 0
  }

  /** Takes one inode. 0, -ENOSPC or -EDQUOT. */
  takeInode(): number {
    const space = this.#space
    if (this.inodes >= this.#limits.inodes) return -errno.EDQUOT
    if (space.inodes >= space.inodeLimit) return -errno.ENOSPC
    this.inodes++
    space.inodes++
    return 0
  }

  giveInode(): void {
    this.inodes--
    this.#space.inodes--
  }

  /** Moves an inode with its blocks to another user's account; 0 or -EDQUOT, then nothing has moved. */
  moveTo(other: Account, blocks: number): number {
    if (other === this) return 0
    if (other.inodes >= other.#limits.inodes || other.blocks + blocks > other.#limits.blocks)
      return -errno.EDQUOT
    this.inodes--
    this.blocks -= blocks
    other.inodes++
    other.blocks += blocks
    return 0
  }

  /** Blocks that can still be taken. */
  get blocksLeft(): number {
    return Math.max(
      0,
      Math.min(this.#limits.blocks - this.blocks, this.#space.blockLimit - this.#space.blocks),
    )
  }
}
