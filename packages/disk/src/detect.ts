import { ascii, le16 } from './bytes.js'
import { isExfat } from './fat/exfat-boot.js'
import { isFat } from './fat/geometry.js'
import { type BlockSource, readBytesSync } from './source/source.js'

export type VolumeKind = 'ntfs' | 'fat' | 'exfat'

function isNtfs(source: BlockSource): boolean {
  if (source.size < 512) return false
  const boot = readBytesSync(source, 0, 512)
  return ascii(boot, 3, 8) === 'NTFS    ' && le16(boot, 510) === 0xaa55
}

/** The filesystem that a boot sector names, null for none that is known here. Opening it checks the rest. */
export function detectVolume(source: BlockSource): VolumeKind | null {
  if (isNtfs(source)) return 'ntfs'
  if (isExfat(source)) return 'exfat'
  return isFat(source) ? 'fat' : null
}
