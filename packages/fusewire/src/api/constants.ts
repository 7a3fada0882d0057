export {
  DT,
  FATTR,
  FOPEN,
  LOCK_TYPE,
  O,
  RELEASE_FLAG,
  RENAME_FLAG,
  SETXATTR_FLAG,
  WRITE_FLAG,
} from '../abi/gen/flags.js'

/** Events of poll(2), as `poll` gets and returns them (asm-generic/poll.h). */
export const POLL = {
  IN: 0x1,
  PRI: 0x2,
  OUT: 0x4,
  ERR: 0x8,
  HUP: 0x10,
  NVAL: 0x20,
  RDNORM: 0x40,
  RDBAND: 0x80,
  WRNORM: 0x100,
  WRBAND: 0x200,
  RDHUP: 0x2000,
} as const

/** File types in `st_mode` (asm-generic/stat.h). */
export const S_IF = {
  MT: 0o170000,
  FIFO: 0o010000,
  CHR: 0o020000,
  DIR: 0o040000,
  BLK: 0o060000,
  REG: 0o100000,
  LNK: 0o120000,
  SOCK: 0o140000,
} as const
