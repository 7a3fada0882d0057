import { DiskError } from '../../error.js'
import { NAME_MAX } from '../layout/file-name.js'

/** Device names that Win32 keeps, with any extension. */
const DEVICE = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i

function hasForbidden(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    if (unit < 0x20 || '"*/:<>?\\|'.includes(name[i] as string)) return true
  }
  return false
}

/** Why Win32 refuses a name, or null when it accepts it. */
export function win32Objection(name: string): string | null {
  if (hasForbidden(name)) return 'a control character or one of " * / : < > ? \\ |'
  if (name.endsWith('.') || name.endsWith(' ')) return 'a dot or space at its end'
  if (DEVICE.test(name)) return 'the name of a device'
  return null
}

/**
 * Refuses what cannot stand in a directory.
 *
 * @param windowsNames also what Win32 refuses (`EINVAL`), as the mount option `windows_names` does.
 */
export function checkName(name: string, windowsNames: boolean): void {
  if (name.length > NAME_MAX) {
    throw new DiskError('ENAMETOOLONG', `a name of ${name.length} UTF-16 units`, {
      expected: `at most ${NAME_MAX}`,
    })
  }
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    throw new DiskError('EINVAL', `'${name}' is not a file name`)
  }
  const objection = windowsNames ? win32Objection(name) : null
  if (objection !== null) throw new DiskError('EINVAL', `'${name}' has ${objection}, which Windows refuses`)
}
