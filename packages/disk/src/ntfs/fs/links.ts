import { win32Objection } from '../files/names.js'
import { encodeJunction, encodeLxSymlink, encodeSymlink } from '../layout/reparse-point.js'

export type SymlinkType = 'file' | 'dir' | 'junction' | null

/** Windows' form of an absolute path of this volume: drives are not known here, C: stands for it. */
const DRIVE = 'C:'

/** True when Windows can follow a relative target: every name in it is one of Win32's. */
function isWindowsPath(target: string): boolean {
  if (target === '' || target.startsWith('/')) return false
  return target
    .split('/')
    .every((name) => name === '.' || name === '..' || name === '' || win32Objection(name) === null)
}

/** A reparse point for a link, and whether it must be a directory for Windows to follow it. */
export interface NewLink {
  readonly value: Uint8Array
  readonly directory: boolean
}

/**
 * A link in the form that most readers follow: a Windows symbolic link for relative targets, a junction when asked
 * for, and a WSL link (Linux programs only) for all other targets.
 *
 * @param toDirectory Windows has different links to files and to directories.
 */
export function newLink(target: string, type: SymlinkType, toDirectory: boolean): NewLink {
  const windows = target.replaceAll('/', '\\')
  if (type === 'junction') {
    const absolute = `${DRIVE}${windows.startsWith('\\') ? '' : '\\'}${windows}`
    return { value: encodeJunction(`\\??\\${absolute}`, absolute), directory: true }
  }
  if (isWindowsPath(target)) return { value: encodeSymlink(windows, windows, true), directory: toDirectory }
  return { value: encodeLxSymlink(target), directory: false }
}
