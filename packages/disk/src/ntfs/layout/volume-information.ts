import { corrupt } from '../../error.js'
import { setU16, u16 } from './bytes.js'

/** Flags of $VOLUME_INFORMATION. */
export const VolumeFlag = { DIRTY: 0x0001, RESIZE_LOG: 0x0002, UPGRADE_ON_MOUNT: 0x0004 } as const

/** Bytes of the attribute. */
export const VOLUME_INFORMATION_SIZE = 12

export interface VolumeInformation {
  readonly majorVersion: number
  readonly minorVersion: number
  readonly flags: number
}

export function readVolumeInformation(b: Uint8Array): VolumeInformation {
  if (b.length < VOLUME_INFORMATION_SIZE) {
    throw corrupt('length of $VOLUME_INFORMATION', 0, VOLUME_INFORMATION_SIZE, b.length)
  }
  return { majorVersion: b[8] as number, minorVersion: b[9] as number, flags: u16(b, 0x0a) }
}

export function encodeVolumeInformation(info: VolumeInformation): Uint8Array {
  const b = new Uint8Array(VOLUME_INFORMATION_SIZE)
  b[8] = info.majorVersion
  b[9] = info.minorVersion
  setU16(b, 0x0a, info.flags)
  return b
}
