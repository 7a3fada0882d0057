export type { PassthroughOptions } from './options.js'
export { PassthroughFileSystem, passthrough } from './passthrough.js'
