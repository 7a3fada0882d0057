/** Who makes a system call. */
export interface Caller {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: readonly number[]
  readonly pid: number
  readonly umask: number
}

/** Root has CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_CHOWN and CAP_FSETID; nobody else has any capability here. */
export const isPrivileged = (caller: Caller): boolean => caller.uid === 0

export const inGroup = (caller: Caller, gid: number): boolean =>
  caller.gid === gid || caller.groups.includes(gid)
