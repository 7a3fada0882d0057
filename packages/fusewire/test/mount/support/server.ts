// The smallest FUSE server: it answers INIT and GETATTR of the root, everything else with ENOSYS. Written with bare
// offsets, so that these tests do not lean on the code of other rooms.

import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

interface Device {
  readDevice(fd: number, buffer: Uint8Array, offset: number, length: number): number
  writeOne(fd: number, buffer: Uint8Array, offset: number, length: number): number
  closeFd(fd: number): number
}

const { loadAddon } = createRequire(import.meta.url)('../../../src/native/addon.cjs') as {
  loadAddon: () => Device
}
export const device = loadAddon()

const GETATTR = 3
const INIT = 26
const OPEN = 14
const READ = 15
const RELEASE = 18
const OPENDIR = 27
const RELEASEDIR = 29
const FORGETS = new Set([2, 42])
const INTERRUPT = 36
const EAGAIN = -11
const EINTR = -4
const ENOENT = -2
const ENOSYS = 38
const HEADER = 16

export interface Server {
  /** Requests read so far, by opcode. */
  readonly seen: number[]
  /** Ends when the mount has gone (ENODEV) or `stop` was called; the device is closed then. */
  readonly done: Promise<void>
  stop(): void
}

/**
 * Serves the device from the event loop.
 * @param mode of the root: a directory or a regular file
 * @param answerNothing reads all requests and answers none but INIT
 */
export function serve(fd: number, mode: number = 0o40755, answerNothing = false): Server {
  const seen: number[] = []
  const buffer = Buffer.alloc(1 << 17)
  let running = true
  const loop = async () => {
    while (running) {
      const size = device.readDevice(fd, buffer, 0, buffer.length)
      if (size === EAGAIN) await sleep(1)
      else if (size < 0 && size !== EINTR && size !== ENOENT) break
      else if (size > 0 && !(answerNothing && buffer.readUInt32LE(4) !== INIT)) answer(fd, buffer, mode, seen)
    }
    device.closeFd(fd)
  }
  return { seen, done: loop(), stop: () => (running = false) }
}

function answer(fd: number, request: Buffer, mode: number, seen: number[]): void {
  const opcode = request.readUInt32LE(4)
  seen.push(opcode)
  if (FORGETS.has(opcode) || opcode === INTERRUPT) return
  const body = bodyOf(opcode, mode)
  const reply = Buffer.alloc(HEADER + (body?.length ?? 0))
  reply.writeUInt32LE(reply.length, 0)
  reply.writeInt32LE(body ? 0 : -ENOSYS, 4)
  request.copy(reply, 8, 8, 16)
  body?.copy(reply, HEADER)
  device.writeOne(fd, reply, 0, reply.length)
}

function bodyOf(opcode: number, mode: number): Buffer | null {
  switch (opcode) {
    case INIT: {
      const out = Buffer.alloc(64)
      out.writeUInt32LE(7, 0)
      out.writeUInt32LE(31, 4)
      out.writeUInt32LE(65536, 20) // max_write
      return out
    }
    case GETATTR: {
      const out = Buffer.alloc(104)
      out.writeBigUInt64LE(1n, 16) // ino
      out.writeBigUInt64LE(4096n, 24) // size
      out.writeUInt32LE(mode, 76)
      out.writeUInt32LE(2, 80) // nlink
      return out
    }
    case OPEN:
    case OPENDIR:
      return Buffer.alloc(16)
    case READ:
    case RELEASE:
    case RELEASEDIR:
      return Buffer.alloc(0)
    default:
      return null
  }
}
