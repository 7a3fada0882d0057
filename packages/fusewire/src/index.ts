export * from './api/index.js'
export { Mount, mount } from './front/mount.js'
export type { Options } from './front/options.js'
export { type FromFsOptions, fromFs } from './fs/from-fs/from-fs.js'
export type { FileHandleLike, FsPromisesLike } from './fs/from-fs/shape.js'
export { MemoryFileSystem, type MemoryUsage, memory } from './fs/memory/filesystem.js'
export type { Bytes, MemoryOptions, Quota } from './fs/memory/options.js'
export type { PassthroughOptions } from './fs/passthrough/options.js'
export { PassthroughFileSystem, passthrough } from './fs/passthrough/passthrough.js'
export {
  type Content,
  type Directory,
  directory,
  type Entry,
  type EntryAttributes,
  type FileParts,
  file,
  type Leaf,
  type Source,
  symlink,
  TreeDirectory,
  TreeFile,
  TreeLink,
} from './fs/tree/entries.js'
export { type TreeOptions, tree } from './fs/tree/tree.js'
export {
  type Daemon,
  type FuseMount,
  type Holder,
  type HolderReport,
  holders,
  isStale,
  listMounts,
  MountError,
  type MountMethod,
  type MountOptions,
  type MountState,
  mountState,
  nearest,
  parseOptionString,
  type Refusal,
  type UnmountOptions,
  unmount,
} from './mount/index.js'
export type { SessionOptions } from './session/options.js'
export type { MountStats, OperationStats } from './session/stats.js'
