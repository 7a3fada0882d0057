export { DiskError, type DiskErrorCode, type DiskErrorDetails } from './error.js'
export { FileSource, type FileSourceOptions } from './source/file.js'
export { MemorySource, type MemorySourceOptions } from './source/memory.js'
export type { BlockSource } from './source/source.js'
