import type { Times } from './layout/standard-information.js'
import type { VolumeOptions } from './volume/open.js'

export interface OpenOptions extends VolumeOptions {
  /** Finds names that differ in case, as Windows does. Default false, as NTFS-3G does. */
  ignoreCase?: boolean
  /** Refuses new names that Windows refuses. Default false. */
  windowsNames?: boolean
  /**
   * Makes every flush all or nothing, also in a power cut: changes are written twice, first to free clusters. Default
   * true. An image that is built anew after a failure needs none, and has no copies in its free clusters without.
   */
  journal?: boolean
  /** Tells the source of freed clusters, which makes a sparse image smaller. Default false. */
  discard?: boolean
}

export interface NewFile {
  /** Bits of `FileAttribute`; default ARCHIVE for a file. */
  attributes?: number
  times?: Times
  /** A self-relative security descriptor; default: everything for everybody. */
  descriptor?: Uint8Array
}

/** Space of a volume, in bytes and in files. */
export interface VolumeSpace {
  readonly clusterSize: number
  readonly totalClusters: number
  readonly freeClusters: number
  /** Files that exist, with the volume's own. */
  readonly files: number
}
