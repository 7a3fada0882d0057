import { realpathSync } from 'node:fs'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { DiskError } from '../error.js'
import { FileSource, type FileSourceOptions } from './file.js'
import { Qcow2Source } from './qcow2.js'
import { isQcow2, readQcow2Header } from './qcow2-header.js'
import type { BlockSource } from './source.js'
import { isVhd, VhdSource } from './vhd.js'
import { VhdxSource } from './vhdx.js'
import { isVhdx } from './vhdx-meta.js'

export type ImageFormat = 'raw' | 'qcow2' | 'vhd' | 'vhdx'

export interface OpenImageOptions extends FileSourceOptions {
  /** The format; default: found by its signature. A raw disk whose user may write any bytes should be named 'raw'. */
  format?: ImageFormat
  /**
   * Which backing and data files an image may name: those in its own folder or below (the default, since an image of
   * a stranger could otherwise show any file of this machine), any, or none.
   */
  backing?: 'folder' | 'any' | 'none'
}

/** As many images as may lie over each other. */
const DEPTH = 16

/** The format of an image by its signature; `raw` when it has none. */
export function detectFormat(file: BlockSource): ImageFormat {
  if (isQcow2(file)) return 'qcow2'
  if (isVhdx(file)) return 'vhdx'
  return isVhd(file) ? 'vhd' : 'raw'
}

/** Resolves the name of a file that an image refers to, and refuses what the option does not allow. */
function companion(image: string, name: string, allowed: 'folder' | 'any' | 'none'): string {
  const plain = name.startsWith('file:') ? name.slice(5) : name
  const folder = dirname(image)
  let path = resolve(folder, plain)
  try {
    path = realpathSync(path)
  } catch (error) {
    throw new DiskError('ENOENT', `the image '${image}' needs a file that is not there:`, {
      path,
      cause: error,
    })
  }
  const way = relative(folder, path)
  if (allowed === 'any' || (allowed === 'folder' && !way.startsWith('..') && !isAbsolute(way))) return path
  throw new DiskError('EACCES', `the image '${image}' refers to a file outside of its folder:`, {
    path,
    cure: `Pass backing: 'any' if you trust the image`,
  })
}

function formatOf(name: string | null): ImageFormat | undefined {
  if (name === null) return undefined
  if (name === 'raw' || name === 'qcow2' || name === 'vhdx') return name
  if (name === 'vpc') return 'vhd'
  throw new DiskError('ENOTSUP', 'the format of a backing file', {
    expected: 'raw, qcow2, vpc or vhdx',
    actual: name,
  })
}

function openQcow2(file: FileSource, options: OpenImageOptions, depth: number): BlockSource {
  const header = readQcow2Header(file)
  const allowed = options.backing ?? 'folder'
  const opened: BlockSource[] = []
  try {
    const parts: { backing?: BlockSource; data?: BlockSource } = {}
    if (header.backingFile !== null) {
      const path = companion(file.path, header.backingFile, allowed)
      const format = formatOf(header.backingFormat)
      parts.backing = openAt(path, { backing: allowed, ...(format && { format }) }, depth + 1)
      opened.push(parts.backing)
    }
    if (header.externalData) {
      parts.data = FileSource.openSync(companion(file.path, header.dataFile ?? '', allowed))
      opened.push(parts.data)
    }
    return new Qcow2Source(file, parts)
  } catch (error) {
    for (const source of opened) source.closeSync()
    throw error
  }
}

function openAt(path: string, options: OpenImageOptions, depth: number): BlockSource {
  if (depth > DEPTH) throw new DiskError('ELOOP', `more than ${DEPTH} images over each other`, { path })
  const readOnly = FileSource.openSync(path, { ...options, mode: 'r' })
  try {
    const format = options.format ?? detectFormat(readOnly)
    if (format === 'raw') {
      if (options.mode !== 'r+') return readOnly
      readOnly.closeSync()
      return FileSource.openSync(path, options)
    }
    if (options.mode === 'r+') {
      const cure = 'Open it read-only, under an OverlaySource, or convert it to a raw image'
      throw new DiskError('EROFS', `an image of format ${format} can only be read:`, { path, cure })
    }
    if (format === 'qcow2') return openQcow2(readOnly, options, depth)
    return format === 'vhd' ? new VhdSource(readOnly) : new VhdxSource(readOnly)
  } catch (error) {
    readOnly.closeSync()
    throw error
  }
}

/**
 * Opens an image or block device of any format that is known here: raw (read and write), qcow2, VHD, VHDX (read).
 */
export function openImageSync(path: string, options: OpenImageOptions = {}): BlockSource {
  return openAt(path, options, 0)
}
