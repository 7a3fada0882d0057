// `npm run demo`: installs and builds what is missing, mounts the hello filesystem on ./mnt, shows it, unmounts it.
// `npm run demo -- --keep` leaves it mounted until Ctrl-C.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildAll } from './build.mjs'
import { fuseMountsBelow, mountBlocker } from './lib/machine.mjs'
import { die, ROOT } from './lib/paths.mjs'
import { checkNode, ensureModules } from './lib/prepare.mjs'

/** Mounting, looking and unmounting take moments; after this many milliseconds something hangs. */
const STEP_TIMEOUT = 15_000
const DIR = join(ROOT, 'mnt')

const words = process.argv.slice(2)
const keep = words.includes('--keep')
for (const word of words) if (word !== '--keep') die(`unknown argument ${word}: the demo knows --keep only`)

checkNode()
ensureModules()
buildAll()

const blocker = mountBlocker()
if (blocker !== null) die(`This machine cannot mount a FUSE filesystem.\n${blocker}`)
if (fuseMountsBelow(DIR).length > 0) die(`${DIR} is mounted already: npx fusewire umount mnt`)
const made = !existsSync(DIR)
if (made) mkdirSync(DIR)
else if (readdirSync(DIR).length > 0) die(`${DIR} is not empty: the demo mounts there`)

console.log('$ fusewire mount hello ./mnt')
const command = join(ROOT, 'packages', 'cli', 'dist', 'src', 'main.js')
// In a process group of its own, the server gets each signal once: from here, and not also from the terminal.
/** @type {import('node:child_process').SpawnOptions} */
const options = { cwd: ROOT, stdio: ['inherit', 'pipe', 'inherit'], detached: true }
const server = spawn(process.execPath, [command, 'mount', 'hello', './mnt'], options)
const ended = once(server, 'exit')
let announced = false
server.stdout?.on('data', (text) => {
  process.stdout.write(text)
  announced = true
})
for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(name, () => server.kill(name))

if (!(await waitFor(() => announced && fuseMountsBelow(DIR).length > 0))) {
  server.kill('SIGKILL')
  die('The mount did not appear.')
}
show('ls', '-la', 'mnt')
show('cat', 'mnt/hello')
if (keep) console.log('\nServing until Ctrl-C.')
else server.kill('SIGINT')
const [code, signal] = await ended
if (code !== 0) die(`fusewire mount ended with ${signal ?? `exit code ${code}`}`)
if (fuseMountsBelow(DIR).length > 0) die(`${DIR} is still mounted: npx fusewire umount mnt`)
if (made) rmdirSync(DIR)
console.log('unmounted')

/** Shows a command and its output, as a user would type it. */
function show(/** @type {string} */ program, /** @type {string[]} */ ...args) {
  console.log(`\n$ ${program} ${args.join(' ')}`)
  const result = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', timeout: STEP_TIMEOUT })
  if (result.status === 0) return
  server.kill('SIGINT')
  die(`${program} ${args.join(' ')} failed: ${result.error?.message ?? `exit code ${result.status}`}`)
}

/** Whether a condition comes true while the server lives, in time. */
async function waitFor(/** @type {() => boolean} */ condition) {
  for (const end = Date.now() + STEP_TIMEOUT; Date.now() < end && server.exitCode === null; await sleep(20)) {
    if (condition()) return true
  }
  return false
}
