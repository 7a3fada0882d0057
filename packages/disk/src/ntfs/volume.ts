import type { BlockSource } from '../source/source.js'
import { type CheckResult, check } from './check/check.js'
import { type RepairResult, repair } from './check/repair.js'
import { VolumeFs } from './fs/volume-fs.js'
import type { Geometry } from './layout/boot-sector.js'
import { type FormatOptions, format } from './mkfs/format.js'
import { grow } from './mkfs/grow.js'
import type { OpenOptions } from './options.js'
import { RecordVolume } from './record-volume.js'

/** An NTFS volume: by MFT record number as `RecordVolume`, and by path with `fs`. */
export class Volume extends RecordVolume {
  /** The methods of `node:fs/promises`, on the files of this volume. */
  readonly fs: VolumeFs = new VolumeFs(this)

  /**
   * Opens a volume. One that is damaged, dirty, hibernated or of an old version is opened for reading only (`warnings`
   * says why), unless `force` is set.
   *
   * @throws `EUCLEAN` when it is no NTFS volume, or too damaged to be read.
   */
  static open(source: BlockSource, options: OpenOptions = {}): Volume {
    return new Volume(source, options)
  }

  /** Makes an empty volume that fills the source; see `format`. */
  static format(source: BlockSource, options: FormatOptions = {}): Geometry {
    return format(source, options)
  }

  /** Checks the structure of a volume without changing anything; see `check`. */
  static check(source: BlockSource): CheckResult {
    return check(source)
  }

  /** Makes a volume fill a source that has become larger; see `grow`. */
  static grow(source: BlockSource): number {
    return grow(source)
  }

  /** Mends a volume that no one has open; see `repair`. */
  static repair(source: BlockSource): RepairResult {
    return repair(source)
  }
}
