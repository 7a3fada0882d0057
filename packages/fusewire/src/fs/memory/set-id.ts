import { S } from '../common/constants.js'
import type { Inode } from './inode.js'
import { dropXattr } from './xattr.js'

const CAPABILITY = 'security.capability'

/**
 * What a chown, and a write or truncation by somebody without CAP_FSETID, takes away from a file: setuid, setgid
 * where the group may execute (elsewhere the bit once meant mandatory locking).
 */
export function killSetId(node: Inode): void {
  if (node.isDirectory) return
  if ((node.mode & S.ISUID) !== 0) node.mode &= ~S.ISUID
  if ((node.mode & (S.ISGID | S.IXGRP)) === (S.ISGID | S.IXGRP)) node.mode &= ~S.ISGID
}

/** File capabilities do not survive a change of content or owner, whoever makes it. */
export function killCapability(node: Inode): void {
  if (node.xattrs !== null) dropXattr(node, CAPABILITY)
}
