import type { BlockSource } from '../../source/source.js'
import type { Geometry } from '../layout/boot-sector.js'
import type { MappingLimits } from '../layout/mapping-pairs.js'
import { MetadataCache } from './cache.js'

/** Memory for metadata pages that could be read again. */
const CACHE_BYTES = 64 * 1024 * 1024

/** The clusters of a volume: its source, its geometry, and the cache for metadata. */
export class Storage {
  readonly source: BlockSource
  readonly geometry: Geometry
  readonly cache: MetadataCache
  readonly limits: MappingLimits

  constructor(source: BlockSource, geometry: Geometry, cacheBytes: number = CACHE_BYTES) {
    this.source = source
    this.geometry = geometry
    this.cache = new MetadataCache(source, cacheBytes)
    this.limits = {
      totalClusters: geometry.totalClusters,
      clustersMax: Math.floor(Number.MAX_SAFE_INTEGER / geometry.clusterSize),
    }
  }

  /** Clusters that hold so many bytes. */
  clusters(bytes: number): number {
    return Math.ceil(bytes / this.geometry.clusterSize)
  }

  /** Byte position of a cluster. */
  position(lcn: number): number {
    return lcn * this.geometry.clusterSize
  }
}
