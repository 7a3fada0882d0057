import { createRequire } from 'node:module'

const { loadAddon } = createRequire(import.meta.url)('./addon.cjs') as { loadAddon: () => unknown }

/** The addon under the face that a room's file declares for it; loaded at the first call, so that importing costs nothing. */
export function addon<Face>(): Face {
  return loadAddon() as Face
}
