export { Attr, type NodeAttributes } from './attr.js'
export type { InitRequest, Negotiated, Notify, PollHandle } from './connection.js'
export * from './constants.js'
export { DataOut } from './data-out.js'
export { DirOut, DirPlusOut } from './dir-out.js'
export { type ErrnoName, errno, errnoName, errnoOf, FsError } from './errors.js'
export { FileSystem, type Mapping } from './filesystem.js'
export { AttrOut, CreateOut, EntryOut, type Lock, LockOut, OpenOut, StatfsOut } from './outs.js'
export { PathBridge } from './path/path-bridge.js'
export {
  type Awaitable,
  type DirentLike,
  type PathContext,
  PathFileSystem,
  type StatfsLike,
  type StatsLike,
} from './path/path-filesystem.js'
export type { Reply, Request, Result } from './request.js'
export { SetattrIn } from './setattr-in.js'
export { StatxOut } from './statx-out.js'
