import { AttributeType } from '../layout/attribute.js'
import { SystemRecord } from '../layout/reference.js'
import type { Core } from '../volume/core.js'
import { readStream } from '../volume/stream.js'
import { lookup } from './directory.js'

/** Bytes of the header; a shorter file is no hibernation image. */
const HEADER = 4096

/** True when Windows sleeps on this volume: hiberfil.sys begins with "hibr" (or "HIBR"). */
export function isHibernated(core: Core): boolean {
  try {
    const entry = lookup(core, core.inode(SystemRecord.ROOT), 'hiberfil.sys', true)
    if (entry === null) return false
    const data = core.open(entry.reference).find(AttributeType.DATA)
    if (data === undefined || data.dataSize < HEADER) return false
    const magic = new Uint8Array(4)
    readStream(core.storage, data, 0, magic, 0, magic.length)
    return Buffer.from(magic).toString('latin1').toLowerCase() === 'hibr'
  } catch {
    // A root that cannot be read is reported by whoever reads it next.
    return false
  }
}
