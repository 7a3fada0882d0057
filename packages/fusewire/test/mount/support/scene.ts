// One test's stage: a room with an empty mount point, mounts that are served from this process, programs that use them.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach } from 'node:test'
import { type MountedDevice, type MountOptions, mountDevice } from '../../../src/mount/index.js'
import { Room } from './room.js'
import { type Server, serve } from './server.js'

/** A mount and who serves it. */
export interface Served {
  readonly device: MountedDevice
  readonly server: Server
}

export class Scene {
  room!: Room
  readonly #users: ChildProcess[] = []

  /** Sets the stage before each test of the suite around and clears it afterwards, whatever the test did. */
  constructor() {
    beforeEach(() => {
      this.room = new Room()
      mkdirSync(this.mnt)
    })
    afterEach(async () => {
      for (const child of this.#users.splice(0)) await end(child)
      this.room.remove()
    })
  }

  get mnt(): string {
    return this.room.at('mnt')
  }

  /** Mounts on {@link mnt} and serves. */
  async mount(options: MountOptions = {}, answerNothing = false): Promise<Served> {
    const device = await mountDevice(this.mnt, options)
    return { device, server: serve(device.fd, 0o40755, answerNothing) }
  }

  /** Mounts a file on the file `file` of the room. */
  async mountFile(): Promise<Served> {
    writeFileSync(this.room.at('file'), '')
    const device = await mountDevice(this.room.at('file'), { rootType: 'file' })
    return { device, server: serve(device.fd, 0o100644) }
  }

  /**
   * Starts a program and waits for its first word on standard output. Never give it a working directory inside a mount
   * of this process: spawn() would wait for the child, and the child for us.
   */
  async program(command: string, args: readonly string[], env = process.env): Promise<ChildProcess> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
    this.#users.push(child)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    return child
  }

  /** Starts a shell that uses the mount point, `$1`, and says something when it does. */
  user(script: string): Promise<ChildProcess> {
    return this.program('bash', ['-c', script, 'bash', this.mnt])
  }
}

/** Ends a child and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Unmounts cleanly and waits until the server has seen the end. */
export async function finish({ device, server }: Served): Promise<void> {
  await device.unmount()
  await server.done
}
