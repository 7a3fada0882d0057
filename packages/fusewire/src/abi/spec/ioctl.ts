/** ioctls of the /dev/fuse descriptor, as arguments of the `_IO*` macros of `asm-generic/ioctl.h`. */
export interface IoctlSpec {
  readonly dir: 'none' | 'read' | 'write'
  readonly nr: number
  /** Size of the argument in bytes. */
  readonly size: number
}

/** `FUSE_DEV_IOC_MAGIC`. */
export const IOCTL_TYPE = 229

export const IOCTL_TABLE = {
  /** u32: descriptor of an installed /dev/fuse whose connection the new one joins. */
  CLONE: { dir: 'read', nr: 0, size: 4 },
  /** struct fuse_backing_map; returns the backing id. Since 7.40. */
  BACKING_OPEN: { dir: 'write', nr: 1, size: 16 },
  /** u32: backing id. Since 7.40. */
  BACKING_CLOSE: { dir: 'write', nr: 2, size: 4 },
  /** No argument; mount(2) then waits for the reply to INIT. Since Linux 6.18. */
  SYNC_INIT: { dir: 'none', nr: 3, size: 0 },
} as const satisfies Record<string, IoctlSpec>
