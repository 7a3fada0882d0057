export { detectVolume, type VolumeKind } from './detect.js'
export { DiskError, type DiskErrorCode, type DiskErrorDetails } from './error.js'
export { ExfatVolume } from './fat/exfat.js'
export type { ExfatGeometry } from './fat/exfat-boot.js'
export type { ExfatFile } from './fat/exfat-dir.js'
export type { FatGeometry } from './fat/geometry.js'
export { VolumeHandle } from './fat/handle.js'
export { type FatFormatOptions, formatFat32Sync } from './fat/mkfs.js'
export { VolumePromises } from './fat/promises.js'
export type { NodeInfo, TreeSpace, TreeVolume } from './fat/tree.js'
export { type FatNode, type FatOpenOptions, FatVolume } from './fat/volume.js'
export type { CheckResult as NtfsCheckResult } from './ntfs/check/check.js'
export type { Finding as NtfsFinding } from './ntfs/check/findings.js'
export type { RepairResult as NtfsRepairResult } from './ntfs/check/repair.js'
export type { DirectoryEntry as NtfsEntry } from './ntfs/files/directory.js'
export type { FileType as NtfsFileType } from './ntfs/files/file-type.js'
export type { FileStatus as NtfsStatus } from './ntfs/files/metadata.js'
export type { StreamStatus as NtfsStream } from './ntfs/files/streams.js'
export type { FileHandle as NtfsFileHandle } from './ntfs/fs/file-handle.js'
export type {
  BigIntStats as NtfsBigIntStats,
  Dirent as NtfsDirent,
  Stats as NtfsStats,
} from './ntfs/fs/stats.js'
export type { VolumeFs as NtfsFs } from './ntfs/fs/volume-fs.js'
export type { Geometry as NtfsGeometry } from './ntfs/layout/boot-sector.js'
export {
  type FileTime,
  fileTimeOfMs,
  fileTimeOfNs,
  msOfFileTime,
  nsOfFileTime,
} from './ntfs/layout/filetime.js'
export type { ReparsePoint as NtfsReparsePoint } from './ntfs/layout/reparse-point.js'
export { FileAttribute, type Times as NtfsTimes } from './ntfs/layout/standard-information.js'
export type { FormatOptions as NtfsFormatOptions } from './ntfs/mkfs/format.js'
export type {
  NewFile as NtfsNewFile,
  OpenOptions as NtfsOpenOptions,
  VolumeSpace as NtfsSpace,
} from './ntfs/options.js'
export { Volume as NtfsVolume } from './ntfs/volume.js'
export { Gpt, type GptAddOptions, type GptCreateOptions, type GptPartition } from './partition/gpt.js'
export { Mbr, type MbrAddOptions } from './partition/mbr.js'
export type { MbrPartition } from './partition/mbr-record.js'
export { openPartition, readPartitionTable } from './partition/table.js'
export {
  GPT_ATTRIBUTES,
  GPT_TYPES,
  MBR_TYPES,
  type PartitionInfo,
  type Place,
  type Sectors,
} from './partition/types.js'
export { type RandomBytes, seededRandom, systemRandom } from './random.js'
export { CacheSource, type CacheSourceOptions } from './source/cache.js'
export { FileSource, type FileSourceOptions } from './source/file.js'
export { MemorySource, type MemorySourceOptions } from './source/memory.js'
export { detectFormat, type ImageFormat, type OpenImageOptions, openImageSync } from './source/open.js'
export { OverlaySource, type OverlaySourceOptions } from './source/overlay.js'
export { Qcow2Source, type Qcow2SourceOptions } from './source/qcow2.js'
export type { Qcow2Header } from './source/qcow2-header.js'
export { SliceSource, type SliceSourceOptions } from './source/slice.js'
export type { BlockSource } from './source/source.js'
export { VhdSource } from './source/vhd.js'
export { VhdxSource } from './source/vhdx.js'
export type { VhdxMetadata } from './source/vhdx-meta.js'
