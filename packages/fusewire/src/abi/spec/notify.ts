/**
 * Messages from the server to the kernel: `fuse_out_header` with unique 0 and `error` = the (positive)
 * code.
 */
export interface NotifySpec {
  readonly code: number
  /** First protocol minor that has it. */
  readonly since: number
  /** Struct of the body; null when only the header is sent. */
  readonly struct: string | null
  /** What follows the struct: a NUL-terminated name, bytes, or 64-bit node ids. */
  readonly tail?: 'name' | 'data' | 'nodeids'
}

export const NOTIFY_TABLE = {
  POLL: { code: 1, since: 11, struct: 'fuse_notify_poll_wakeup_out' },
  INVAL_INODE: { code: 2, since: 12, struct: 'fuse_notify_inval_inode_out' },
  INVAL_ENTRY: { code: 3, since: 12, struct: 'fuse_notify_inval_entry_out', tail: 'name' },
  STORE: { code: 4, since: 15, struct: 'fuse_notify_store_out', tail: 'data' },
  RETRIEVE: { code: 5, since: 15, struct: 'fuse_notify_retrieve_out' },
  DELETE: { code: 6, since: 18, struct: 'fuse_notify_delete_out', tail: 'name' },
  RESEND: { code: 7, since: 40, struct: null },
  INC_EPOCH: { code: 8, since: 44, struct: null },
  PRUNE: { code: 9, since: 45, struct: 'fuse_notify_prune_out', tail: 'nodeids' },
} as const satisfies Record<string, NotifySpec>
