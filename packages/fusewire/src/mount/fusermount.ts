// The helper way: fusermount3 mounts and hands the device over a socket (its traditional protocol).
import { closeSync } from 'node:fs'
import { errno } from '../abi/errno.js'
import { Deadline } from './deadline.js'
import { checked, StepError } from './errors.js'
import { errnoOfHelper, findHelper, type Helper, startHelper, wordsOf } from './helper.js'
import { isFuseType, MountTable } from './mountinfo.js'
import { escapeOptionValue } from './option-string.js'
import type { CheckedOptions } from './options.js'
import { FdScope } from './scope.js'
import { type Attached, type Mounting, sourceOf } from './way.js'

const STEP = 'fusermount3'
/** The one device that all versions of the helper open. */
const DEVICE = '/dev/fuse'
/** Milliseconds to undo what a failed helper left, beyond the deadline that it may have used up. */
const UNDO_MS = 10_000

/** Way 3: for users without CAP_SYS_ADMIN. */
export async function mountByFusermount(mounting: Mounting): Promise<Attached> {
  const { calls, deadline, options, mountpoint } = mounting
  if (options.device !== DEVICE) {
    throw new StepError(STEP, errno.EOPNOTSUPP, [`it opens ${DEVICE} itself, not ${options.device}`])
  }
  const path = await findHelper(calls, deadline, options.helper)
  const before = MountTable.read().at(mountpoint)?.id
  const scope = new FdScope(calls)
  try {
    const { ours, helper } = await begin(mounting, scope, path, [
      '-o',
      helperOptions(options),
      '--',
      mountpoint,
    ])
    const fd = await receive(mounting, scope, ours, helper)
    checked('fcntl', calls.prepareDevice(fd))
    if (options.autoUnmount) {
      helper.leave()
      return { fd: scope.release(fd), watch: scope.release(ours) }
    }
    const end = await helper.end(deadline)
    if (end.status !== 0) throw new StepError(STEP, errnoOfHelper(end), wordsOf(end))
    return { fd: scope.release(fd) }
  } catch (error) {
    await takeOff(mounting, path, before)
    throw error
  } finally {
    await scope.closeAll(deadline)
  }
}

async function begin(
  { calls }: Mounting,
  scope: FdScope,
  path: string,
  args: readonly string[],
): Promise<{ ours: number; helper: Helper }> {
  const pair = calls.socketPair()
  if (typeof pair === 'number') throw new StepError('socketpair', -pair)
  const ours = scope.own(pair[0])
  try {
    return { ours, helper: await startHelper(path, args, pair[1]) }
  } finally {
    // Our copy of its end: while it is open, the end of the helper would not show as end of file.
    closeSync(pair[1])
  }
}

/** The descriptor, or a StepError with the helper's words. */
async function receive(
  { calls, deadline }: Mounting,
  scope: FdScope,
  ours: number,
  helper: Helper,
): Promise<number> {
  const fd = await calls.receiveFd(ours, deadline.left)
  if (fd >= 0) return scope.own(fd)
  if (fd === -errno.EBADMSG) {
    await helper.end(new Deadline(UNDO_MS)).catch(() => {})
    throw new StepError(STEP, errno.EBADMSG, ['sent a message without exactly one descriptor'])
  }
  const end = await helper.end(deadline)
  throw new StepError(STEP, errnoOfHelper(end), wordsOf(end))
}

/**
 * A helper that failed late may have mounted already: what is new on our mount point and ours is taken off. `before` is
 * the mount that was there at the start; those elsewhere do not count, as the kernel gives their numbers to new ones.
 */
async function takeOff({ mountpoint }: Mounting, path: string, before: number | undefined): Promise<void> {
  const top = MountTable.read().at(mountpoint)
  if (!top || top.id === before || !isFuseType(top.type)) return
  if (!top.options.includes(`user_id=${process.getuid?.() ?? 0}`)) return
  const helper = await startHelper(path, ['-u', '-q', '-z', '--', mountpoint]).catch(() => null)
  await helper?.end(new Deadline(UNDO_MS)).catch(() => {})
}

/** The `-o` text for the helper. It adds fd, rootmode and the ids itself, from what it has checked. */
export function helperOptions(options: CheckedOptions): string {
  const list = [`fsname=${escapeOptionValue(sourceOf(options))}`]
  if (options.subtype !== undefined) list.push(`subtype=${escapeOptionValue(options.subtype)}`)
  if (options.defaultPermissions) list.push('default_permissions')
  if (options.allowOther) list.push('allow_other')
  if (options.maxRead !== undefined) list.push(`max_read=${options.maxRead}`)
  if (options.autoUnmount) list.push('auto_unmount')
  const flags = ['noexec', 'noatime', 'nodiratime', 'nosymfollow', 'sync', 'dirsync'] as const
  list.push(...flags.filter((name) => options[name]))
  list.push(options.readOnly ? 'ro' : 'rw')
  if (!options.nosuid) list.push('suid')
  if (!options.nodev) list.push('dev')
  return list.join(',')
}
