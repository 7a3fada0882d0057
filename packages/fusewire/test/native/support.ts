import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DeviceCalls, deviceCalls } from '../../src/native/dev.js'

export const calls: DeviceCalls = deviceCalls()

/** Linux errno numbers, negative as the addon returns them; written out here to be independent of our own table. */
export const NEG = {
  EPERM: -1,
  ENOENT: -2,
  EBADF: -9,
  EAGAIN: -11,
  EFAULT: -14,
  EBUSY: -16,
  EEXIST: -17,
  ENODEV: -19,
  EINVAL: -22,
  ENOTTY: -25,
  EPIPE: -32,
  EMSGSIZE: -90,
} as const

/** A connected pair of descriptors: the first stands for the device, the second for the kernel. */
export function sockets(): [number, number] {
  const pair = calls.socketPair()
  if (typeof pair === 'number') throw new Error(`socketPair: ${pair}`)
  return pair
}

/** Waits until `condition` holds; fails after thirty seconds with `what`. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited 30 s for: ${what}`)
    await sleep(2)
  }
}

/** Sends one message; throws when the kernel takes less than all of it. */
export function send(fd: number, bytes: Uint8Array): void {
  const put = calls.writeOne(fd, bytes, 0, bytes.length)
  if (put !== bytes.length) throw new Error(`writeOne: ${put}`)
}

/** One message that is there already, or null. */
export function receive(fd: number): Uint8Array | null {
  const buffer = new Uint8Array(65536)
  const got = calls.readDevice(fd, buffer, 0, buffer.length)
  if (got === NEG.EAGAIN) return null
  if (got < 0) throw new Error(`readDevice: ${got}`)
  return buffer.subarray(0, got)
}

export interface ChildResult {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/**
 * Runs an ES module text in a fresh Node; ends it after a minute. The functions of this file are at hand, unless
 * `bare`: then the child's main thread does not load the addon by itself.
 */
export function runChild(
  body: string,
  options: { flags?: string[]; env?: NodeJS.ProcessEnv; bare?: boolean } = {},
): ChildResult {
  const names = 'calls, sockets, send, receive, until'
  const text = options.bare ? body : `import { ${names} } from ${JSON.stringify(import.meta.url)};\n${body}`
  const args = [...(options.flags ?? []), '--input-type=module', '-e', text]
  const child = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...options.env },
  })
  return { status: child.status, signal: child.signal, stdout: child.stdout, stderr: child.stderr }
}
