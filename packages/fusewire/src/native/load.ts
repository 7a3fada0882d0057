import cjs from './addon.cjs'

/** The addon under the face that a room's file declares for it; loaded at the first call, so that importing costs nothing. */
export function addon<Face>(): Face {
  return cjs.loadAddon() as Face
}
