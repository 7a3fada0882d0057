// Where things lie in the repository, and the two ways every script here talks to the outside.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The packages that TypeScript builds, in the order in which they depend on each other. */
export const PACKAGES = ['fusewire', 'disk', 'cli']

/**
 * Prints why the script cannot go on, and ends it.
 * @returns {never}
 */
export function die(/** @type {string} */ message) {
  console.error(`\n${message}`)
  process.exit(1)
}

/** The full path of a program on PATH, or null. */
export function which(/** @type {string} */ program) {
  const folders = (process.env.PATH ?? '').split(delimiter)
  // Administrators' programs (mkfs, fusermount3 on some systems) lie outside an ordinary user's PATH.
  for (const folder of [...folders, '/usr/local/sbin', '/usr/sbin', '/sbin']) {
    if (folder === '') continue
    const path = join(folder, program)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  }
  return null
}

/**
 * Runs a program with the terminal as its output and ends this script with its exit code if that is not 0.
 * @param {string} command
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options })
  if (result.error) die(`${command}: ${result.error.message}`)
  if (result.status !== 0) {
    console.error(
      `\n${[command, ...args].join(' ')} failed (${result.signal ?? `exit code ${result.status}`})`,
    )
    process.exit(result.status ?? 1)
  }
}

/** The path of a script that an installed development tool offers as `bin`. */
export function toolPath(/** @type {string} */ bin) {
  const path = join(ROOT, 'node_modules', '.bin', bin)
  if (!existsSync(path)) die(`${bin} is not installed: run npm ci`)
  return path
}
