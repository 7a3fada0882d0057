// The options of a mount: their types, one table that says what each may be, and the check against it.
import { errno } from '../abi/errno.js'
import { MountError, type MountMethod } from './errors.js'
import { nearest } from './nearest.js'

/** How to mount. Every field is optional; unknown fields are an error. */
export interface MountOptions {
  /** The source that mountinfo, `df` and `mount` show; 1 to 4095 bytes. Default: the subtype, else `fusewire`. */
  fsname?: string
  /** The type becomes `fuse.<subtype>`; 1 to 255 bytes. */
  subtype?: string
  /** Lets other users in, root included; as a user this needs `user_allow_other` in /etc/fuse.conf. */
  allowOther?: boolean
  /** Lets root in beside the owner. The kernel knows only `allow_other`, so the session must refuse the others. */
  allowRoot?: boolean
  /** The kernel checks permissions by mode, owner and group. */
  defaultPermissions?: boolean
  /** Upper limit of one READ in bytes, 4096 to 2^32-1; the kernel raises what is smaller to 4096. */
  maxRead?: number
  /** Refuses every write (superblock and mount). */
  readOnly?: boolean
  /** Set-user-id bits have no effect. Default true; a user cannot switch it off. */
  nosuid?: boolean
  /** Device nodes cannot be opened. Default true; a user cannot switch it off. */
  nodev?: boolean
  noexec?: boolean
  noatime?: boolean
  nodiratime?: boolean
  /** Symlinks of the filesystem are not followed. */
  nosymfollow?: boolean
  /** Writes are synchronous. */
  sync?: boolean
  /** Changes of directories are synchronous. */
  dirsync?: boolean
  /** Unmounts when the process ends in whatever way, by a `fusermount3` that stays behind: it makes the mount, for root too. */
  autoUnmount?: boolean
  /** One way only, or `auto` (default): each in order until one works. */
  method?: 'auto' | Exclude<MountMethod, 'fd'>
  /** The FUSE device; default /dev/fuse. */
  device?: string
  /** File type of the filesystem's root, which must be that of the mount point; default `directory`. */
  rootType?: 'directory' | 'file'
  /** Mounts on top of what is mounted there already; default false: that is EBUSY. */
  stack?: boolean
  /** Clears a dead FUSE mount ("Transport endpoint is not connected") at the mount point first. */
  replaceStale?: boolean
  /** The helper to run instead of the first `fusermount3` in PATH; an absolute path. */
  helper?: string
  /** Milliseconds for the whole mount, 1 to 3600000; default 10000. */
  timeout?: number
}

/** Options after the check: defaults filled in, only what has no default may be absent. */
export interface CheckedOptions extends MountOptions {
  readonly allowOther: boolean
  readonly readOnly: boolean
  readonly nosuid: boolean
  readonly nodev: boolean
  readonly method: 'auto' | Exclude<MountMethod, 'fd'>
  readonly device: string
  readonly rootType: 'directory' | 'file'
  readonly timeout: number
}

/** What one option may be, and how `-o` spells it. */
export type OptionRule =
  | { readonly kind: 'flag'; readonly on?: string; readonly off?: string }
  | { readonly kind: 'text'; readonly max: number; readonly absolute?: boolean; readonly word?: string }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly word?: string }
  | { readonly kind: 'choice'; readonly of: readonly string[]; readonly word?: string }

/** mount(2) takes a source below one page; fsconfig(2) a subtype of at most 255 bytes; PATH_MAX is 4096. */
export const OPTION_RULES: { readonly [key in keyof Required<MountOptions>]: OptionRule } = {
  fsname: { kind: 'text', max: 4095, word: 'fsname' },
  subtype: { kind: 'text', max: 255, word: 'subtype' },
  allowOther: { kind: 'flag', on: 'allow_other' },
  allowRoot: { kind: 'flag', on: 'allow_root' },
  defaultPermissions: { kind: 'flag', on: 'default_permissions' },
  maxRead: { kind: 'number', min: 4096, max: 2 ** 32 - 1, word: 'max_read' },
  readOnly: { kind: 'flag', on: 'ro', off: 'rw' },
  nosuid: { kind: 'flag', on: 'nosuid', off: 'suid' },
  nodev: { kind: 'flag', on: 'nodev', off: 'dev' },
  noexec: { kind: 'flag', on: 'noexec', off: 'exec' },
  noatime: { kind: 'flag', on: 'noatime', off: 'atime' },
  nodiratime: { kind: 'flag', on: 'nodiratime', off: 'diratime' },
  nosymfollow: { kind: 'flag', on: 'nosymfollow', off: 'symfollow' },
  sync: { kind: 'flag', on: 'sync', off: 'async' },
  dirsync: { kind: 'flag', on: 'dirsync' },
  autoUnmount: { kind: 'flag', on: 'auto_unmount' },
  method: { kind: 'choice', of: ['auto', 'fsmount', 'mount', 'fusermount3'], word: 'method' },
  device: { kind: 'text', max: 4095, absolute: true, word: 'device' },
  rootType: { kind: 'choice', of: ['directory', 'file'], word: 'root_type' },
  stack: { kind: 'flag', on: 'stack' },
  replaceStale: { kind: 'flag', on: 'replace_stale' },
  helper: { kind: 'text', max: 4095, absolute: true },
  timeout: { kind: 'number', min: 1, max: 3_600_000 },
}

export type OptionKey = keyof MountOptions
export const OPTION_KEYS = Object.keys(OPTION_RULES) as readonly OptionKey[]

/** The error of an option that cannot be taken. */
export function optionError(what: string, cause: string, cure: string): MountError {
  return new MountError({ what, errno: errno.EINVAL, step: 'options', cause, cure })
}

/** Says what a rule allows, for the error. */
function allowed(rule: OptionRule): string {
  switch (rule.kind) {
    case 'flag':
      return 'true or false'
    case 'number':
      return `an integer from ${rule.min} to ${rule.max}`
    case 'choice':
      return rule.of.map((word) => `'${word}'`).join(', ')
    case 'text':
      return `${rule.absolute ? 'an absolute path' : 'a text'} of 1 to ${rule.max} bytes without NUL`
  }
}

function fits(rule: OptionRule, value: unknown): boolean {
  switch (rule.kind) {
    case 'flag':
      return typeof value === 'boolean'
    case 'number':
      return typeof value === 'number' && Number.isInteger(value) && value >= rule.min && value <= rule.max
    case 'choice':
      return typeof value === 'string' && rule.of.includes(value)
    case 'text': {
      if (typeof value !== 'string' || value.includes('\0')) return false
      const bytes = Buffer.byteLength(value)
      return bytes >= 1 && bytes <= rule.max && (!rule.absolute || value.startsWith('/'))
    }
  }
}

/** A value in a message: short, on one line, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value)
  return typeof value === 'object' && value !== null
    ? Array.isArray(value)
      ? 'an array'
      : 'an object'
    : String(value)
}

/**
 * Checks one option. @param spelling how the caller wrote it, for the error.
 * @throws MountError EINVAL that names the option, the value and what is allowed.
 */
export function checkOption(key: OptionKey, value: unknown, spelling: string = key): void {
  const rule = OPTION_RULES[key]
  if (fits(rule, value)) return
  throw optionError(
    `mount option '${spelling}' cannot be ${shown(value)}`,
    `the value is not ${allowed(rule)}`,
    `give ${allowed(rule)}`,
  )
}

/** @throws MountError EINVAL when a mount point is no text. */
export function checkIsPath(path: unknown): asserts path is string {
  if (typeof path === 'string') return
  throw optionError(`the mount point cannot be ${shown(path)}`, 'it is no text', 'give a path')
}

/** @throws MountError EINVAL when the options are not an object at all. */
export function checkIsOptions(options: unknown, what = 'mount'): asserts options is object {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return
  throw optionError(`${what} options cannot be ${shown(options)}`, 'they are no object', 'give an object')
}

/**
 * Checks all options and fills in the defaults. A field that is undefined counts as absent.
 * @throws MountError EINVAL for an unknown option (with the nearest match), a wrong type or a value out of range.
 */
export function checkOptions(options: MountOptions): CheckedOptions {
  checkIsOptions(options)
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTION_RULES, key)) throw unknownOption(key, OPTION_KEYS)
    if (value === undefined) continue
    checkOption(key as OptionKey, value)
    given[key] = value
  }
  if (given.autoUnmount === true && (given.method === 'fsmount' || given.method === 'mount')) {
    const cause = 'the helper that stays behind for it has to make the mount itself'
    throw optionError(`autoUnmount cannot go with method '${given.method}'`, cause, 'leave the method out')
  }
  return {
    readOnly: false,
    nosuid: true,
    nodev: true,
    method: 'auto',
    device: '/dev/fuse',
    rootType: 'directory',
    timeout: 10_000,
    ...given,
    // The kernel has no allow_root: it must let everybody through, and the session keeps the others out.
    allowOther: given.allowOther === true || given.allowRoot === true,
  }
}

/** The error for an option that nobody knows. */
export function unknownOption(word: string, known: Iterable<string>): MountError {
  const list = [...known]
  const near = nearest(word, list)
  return optionError(
    `unknown mount option '${word}'`,
    'fusewire has no option of that name',
    near === undefined ? `known are: ${list.join(', ')}` : `did you mean '${near}'?`,
  )
}
