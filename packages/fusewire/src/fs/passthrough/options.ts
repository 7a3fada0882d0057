import { FsError } from '../../api/errors.js'

/** How a directory is passed through. Times of the kernel's caches are options of the mount (default 1 s each). */
export interface PassthroughOptions {
  /**
   * Let the kernel enforce permissions and POSIX ACLs before it asks (FUSE_POSIX_ACL, which includes
   * `default_permissions`; default true). Without it each call is checked by the backing filesystem as the caller, but
   * not names that the kernel has cached for somebody else.
   */
  acl?: boolean
  /** How long the kernel may remember that a name does not exist, seconds (default 0: it asks each time). */
  negativeTimeout?: number
  /** Most descriptors that nodes may hold, 8 or more (default: three fifths of the limit on open files). */
  maxNodeDescriptors?: number
}

export interface PassthroughSettings {
  readonly acl: boolean
  readonly negativeTimeout: number
  readonly maxNodeDescriptors: number | undefined
}

const DESCRIPTORS_MIN = 8
/** The reply has 32 bits for it. */
const TIMEOUT_MAX = 0xffff_ffff

const NAMES: readonly string[] = ['acl', 'negativeTimeout', 'maxNodeDescriptors']

/** @throws FsError EINVAL with the option's name and value */
export function passthroughSettings(options: PassthroughOptions): PassthroughSettings {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) refuse(name, `is unknown; passthrough has ${NAMES.join(', ')}`)
  }
  const { acl = true, negativeTimeout = 0, maxNodeDescriptors } = options
  if (typeof acl !== 'boolean') refuse('acl', `is ${String(acl)}: true or false is expected`)
  if (!(negativeTimeout >= 0 && negativeTimeout <= TIMEOUT_MAX)) {
    refuse('negativeTimeout', `is ${String(negativeTimeout)}: seconds from 0 to ${TIMEOUT_MAX} are expected`)
  }
  if (
    maxNodeDescriptors !== undefined &&
    !(Number.isInteger(maxNodeDescriptors) && maxNodeDescriptors >= DESCRIPTORS_MIN)
  ) {
    refuse(
      'maxNodeDescriptors',
      `is ${String(maxNodeDescriptors)}: an integer from ${DESCRIPTORS_MIN} on is expected`,
    )
  }
  return { acl, negativeTimeout, maxNodeDescriptors }
}

function refuse(name: string, problem: string): never {
  throw new FsError('EINVAL', `passthrough option '${name}' ${problem}`)
}
