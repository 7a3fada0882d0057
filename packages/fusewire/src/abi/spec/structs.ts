import { COMMON_STRUCTS } from './structs-common.js'
import { DEVICE_STRUCTS } from './structs-device.js'
import { REPLY_STRUCTS } from './structs-reply.js'
import { REQUEST_STRUCTS } from './structs-request.js'

/** Every struct of `linux/fuse.h` at ABI 7.45, under its C name. */
export const STRUCTS = {
  ...COMMON_STRUCTS,
  ...REQUEST_STRUCTS,
  ...REPLY_STRUCTS,
  ...DEVICE_STRUCTS,
} as const

export type StructName = keyof typeof STRUCTS
