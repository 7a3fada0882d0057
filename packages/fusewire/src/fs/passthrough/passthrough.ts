import type { FileSystem } from '../../api/filesystem.js'
import { LockOperations } from './locks.js'
import { type PassthroughOptions, passthroughSettings } from './options.js'

/**
 * A directory of this machine as a filesystem: every operation of a local filesystem goes through to it. The directory is
 * opened when the object is made and everything happens beneath that descriptor, so it can be mounted over itself.
 * One object serves one mount.
 *
 * As root each call is made as the process that asked (its user, group and supplementary groups); as an ordinary user
 * all calls are made as that user. Names are bytes (`latin1`). A name that leads to a mount which this process serves
 * answers ELOOP.
 */
export class PassthroughFileSystem extends LockOperations {
  constructor(dir: string, options: PassthroughOptions = {}) {
    super(dir, passthroughSettings(options))
  }
}

/**
 * Serves the directory `dir`; see {@link PassthroughFileSystem}.
 * @throws FsError with the errno of open(2) when the directory cannot be opened, EINVAL for an option
 */
export function passthrough(dir: string, options: PassthroughOptions = {}): FileSystem {
  return new PassthroughFileSystem(dir, options)
}
