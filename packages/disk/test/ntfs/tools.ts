import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program that stands still is a failure, not a wait. */
const TIMEOUT_MS = 60_000

/** False, or why a test cannot run: one of these programs is not installed. */
export function missing(...programs: string[]): string | false {
  for (const program of programs) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`], { timeout: TIMEOUT_MS })
    if (found.status !== 0) return `${program} is not installed (Debian: ntfs-3g)`
  }
  return false
}

/** False, or why this machine cannot mount images with ntfs-3g. */
export function cannotMount(): string | false {
  const tool = missing('ntfs-3g', 'umount')
  if (tool !== false) return tool
  if (process.getuid?.() !== 0) return 'mounting an image with ntfs-3g needs root'
  const device = spawnSync('test', ['-w', '/dev/fuse'])
  return device.status === 0 ? false : '/dev/fuse is not there or not writable'
}

export interface Output {
  status: number | null
  stdout: Buffer
  stderr: string
}

/** Runs a program to its end. */
export function run(program: string, ...args: string[]): Output {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  })
  if (error !== undefined) throw error
  return { status, stdout, stderr: stderr.toString() }
}

/** As `run`; a status other than 0 is an error with what the program said. */
export function succeed(program: string, ...args: string[]): Buffer {
  const { status, stdout, stderr } = run(program, ...args)
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}\n${stdout}\n${stderr}`)
  return stdout
}

/** Calls `use` with a new directory, which is removed afterwards. */
export function withDirectory<T>(use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), 'fusewire-ntfs-'))
  try {
    return use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function isMounted(directory: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${directory} `)
}

/** Waits until no server has the image open any more: a FUSE server still writes after umount(8) has returned. */
function waitForServer(image: string): void {
  for (let tries = 0; tries < 200; tries++) {
    if (run('ntfsinfo', '-m', image).status === 0) return
    spawnSync('sleep', ['0.05'])
  }
  throw new Error(`ntfs-3g still holds ${image}`)
}

/** Mounts an image with ntfs-3g, calls `use` with the directory, and unmounts, also after a failure. */
export function withNtfs3g<T>(image: string, options: string, use: (directory: string) => T): T {
  return withDirectory((directory) => {
    succeed('ntfs-3g', '-o', options, image, directory)
    const unmount = () => {
      if (run('umount', directory).status !== 0) run('umount', '-l', directory)
      waitForServer(image)
    }
    let result: T
    try {
      result = use(directory)
    } catch (error) {
      unmount()
      throw error
    }
    unmount()
    if (isMounted(directory)) throw new Error(`${directory} is still mounted`)
    return result
  })
}
