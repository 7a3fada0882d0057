import * as nodeFs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FsShape, Place } from '../../src/testing/index.js'

/** A directory of this machine as a place for the suite: node:fs, without the calls that Node.js has not. */
export async function hostPlace(base = tmpdir()): Promise<Place> {
  const directory = await nodeFs.mkdtemp(join(base, 'fusewire-conformance-'))
  return {
    fs: nodeFs as unknown as FsShape,
    directory,
    close: () => nodeFs.rm(directory, { recursive: true, force: true }),
  }
}
