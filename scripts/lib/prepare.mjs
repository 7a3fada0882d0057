// What a fresh clone lacks: the right Node.js, the development packages, the programs that node-gyp needs.
// Only Node.js and npm are needed to run this file.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { die, ROOT, run, which } from './paths.mjs'

const NODE_MIN = [20, 18]

/** Ends the script with a sentence when this Node.js is too old. */
export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [minMajor = 0, minMinor = 0] = NODE_MIN
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return
  die(
    `Node.js ${process.versions.node} is too old: fusewire needs ${NODE_MIN.join('.')} or newer (nodejs.org/download).`,
  )
}

/** Runs `npm ci` unless node_modules holds exactly what package-lock.json asks for. */
export function ensureModules() {
  const reason = staleModules()
  if (reason === null) return
  console.log(`npm ci (${reason})`)
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'])
}

/** Why node_modules must be installed anew; null when it need not be. */
function staleModules() {
  const installedPath = join(ROOT, 'node_modules', '.package-lock.json')
  if (!existsSync(installedPath)) return 'node_modules is missing'
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith('node_modules/') || entry.link) continue
    // An optional package of another platform is in the lock file and rightly not on the disk.
    const there = installed[path]
    if (there === undefined ? !entry.optional : there.version !== entry.version) {
      return `${path} is not at ${entry.version}`
    }
  }
  return null
}

/** Ends the script with the names of the packages to install when node-gyp could not build the addon. */
export function checkToolchain() {
  const missing = []
  if (!['cc', 'gcc', 'clang'].some(which)) missing.push('a C compiler')
  if (!['c++', 'g++', 'clang++'].some(which)) missing.push('a C++ compiler (node-gyp links with it)')
  if (!which('make')) missing.push('make')
  if (!which('python3')) missing.push('python3')
  if (missing.length === 0) return
  die(
    `The addon cannot be built, this machine lacks: ${missing.join(', ')}.\n` +
      'On Debian and Ubuntu: sudo apt-get install build-essential python3\n' +
      'On Fedora:            sudo dnf install gcc gcc-c++ make python3\n' +
      'On Alpine:            sudo apk add build-base linux-headers python3',
  )
}
