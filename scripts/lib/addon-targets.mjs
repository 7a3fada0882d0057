// The platforms that get a binary package, and how each addon is compiled.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { die, ROOT, run, which } from './paths.mjs'

const NATIVE = join(ROOT, 'packages', 'fusewire', 'native')
const BUILT = join(NATIVE, 'build', 'Release', 'fusewire.node')
/** A compilation that takes longer than this many milliseconds hangs. */
const COMPILE_TIMEOUT = 300_000

/**
 * For each binary package: the compiler, the Debian package that brings it, and the ELF machine number (elf(5)) of its
 * output. musl's wrapper keeps the kernel's headers out, which are the same for every C library: they come last.
 */
export const TARGETS = {
  'native-linux-x64-gnu': {
    compiler: 'x86_64-linux-gnu-gcc',
    debian: 'gcc-x86-64-linux-gnu',
    machine: 62,
    flags: [],
  },
  'native-linux-x64-musl': {
    compiler: 'musl-gcc',
    debian: 'musl-tools',
    machine: 62,
    flags: ['-idirafter', '/usr/include', '-idirafter', '/usr/include/x86_64-linux-gnu'],
  },
  'native-linux-arm64-gnu': {
    compiler: 'aarch64-linux-gnu-gcc',
    debian: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
    machine: 183,
    flags: [],
  },
  'native-linux-arm64-musl': {
    compiler: 'aarch64-linux-musl-gcc',
    debian:
      'gcc-aarch64-linux-gnu musl-dev:arm64 (after: sudo dpkg --add-architecture arm64; sudo apt-get update)',
    machine: 183,
    // Debian's libgcc chooses atomics by a function of glibc; the plain ones need nothing.
    flags: ['-idirafter', '/usr/aarch64-linux-gnu/include', '-mno-outline-atomics'],
  },
}

/** @typedef {keyof typeof TARGETS} Target */

/**
 * Where Debian's musl-dev puts the C library: a binary may use nothing else of the system.
 * @type {Partial<Record<Target, string>>}
 */
const MUSL = {
  'native-linux-x64-musl': '/usr/lib/x86_64-linux-musl/libc.so',
  'native-linux-arm64-musl': '/usr/lib/aarch64-linux-musl/libc.so',
}

/** The binary package of the machine that this runs on, or null where there is none. */
export function hostTarget() {
  // Node.js reports the glibc it runs on; under musl there is none to report.
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport())
  const libc = report.header.glibcVersionRuntime === undefined ? 'musl' : 'gnu'
  const name = `native-linux-${process.arch}-${libc}`
  return process.platform === 'linux' && name in TARGETS ? /** @type {Target} */ (name) : null
}

/** Why this machine cannot compile for a target, with the cure; null when it can. */
export function targetBlocker(/** @type {Target} */ target) {
  const { compiler, debian } = TARGETS[target]
  if (target === hostTarget() || which(compiler) !== null) return null
  return `${compiler} is missing: sudo apt-get install ${debian}`
}

/** Writes a target's addon: the one that node-gyp built on this machine, or one from the target's cross compiler. */
export function compileAddon(/** @type {Target} */ target, /** @type {string} */ output) {
  if (target === hostTarget()) {
    copyFileSync(BUILT, output)
    run('strip', ['--strip-unneeded', output])
  } else crossCompile(target, output)
  const machine = readFileSync(output).readUInt16LE(18) // elf(5): e_machine
  if (machine !== TARGETS[target].machine)
    die(`${output} is for ELF machine ${machine}: wrong compiler for ${target}`)
  const libc = MUSL[target]
  if (libc === undefined || !existsSync(libc)) return
  const offered = symbols(libc, '--defined-only')
  const lost = [...symbols(output, '--undefined-only')]
    .filter(([name, kind]) => kind === 'U' && !fromNode(name) && !offered.has(name))
    .map(([name]) => name)
  if (lost.length > 0) die(`${target} would not load, ${libc} lacks: ${lost.join(', ')}`)
}

/** Whether node itself offers a symbol to its addons. */
const fromNode = (/** @type {string} */ name) => /^(napi|node_api|uv)_/.test(name)

/** The dynamic symbols of an ELF file and their kinds, as nm(1) lists them. */
function symbols(/** @type {string} */ file, /** @type {string} */ which) {
  const nm = spawnSync('nm', ['-D', which, file], { encoding: 'utf8', timeout: COMPILE_TIMEOUT })
  if (nm.status !== 0) die(`nm -D ${file}: ${nm.stderr}`)
  const rows = nm.stdout.split('\n').map((line) => line.trim().split(/\s+/))
  return new Map(rows.map((row) => [row.at(-1) ?? '', row.at(-2) ?? '']))
}

function crossCompile(/** @type {Target} */ target, /** @type {string} */ output) {
  const { compiler, flags } = TARGETS[target]
  const gyp = readGyp()
  const args = [
    ...['-O2', '-fPIC', '-shared', '-s', '-o', output],
    ...gyp.cflags,
    ...gyp.defines.map((define) => `-D${define}`),
    ...['-I', headers(), ...flags],
    ...gyp.sources.map((source) => join(NATIVE, source)),
    ...gyp.ldflags,
  ]
  const cc = spawnSync(compiler, args, { encoding: 'utf8', timeout: COMPILE_TIMEOUT })
  if (cc.error) die(`${compiler}: ${cc.error.message}`)
  if (cc.status !== 0) die(`${compiler} ${args.join(' ')}\n${cc.stdout}${cc.stderr}`)
}

/**
 * The one target of binding.gyp: node-gyp and this script compile the same files with the same flags. A gyp file is a
 * Python literal, and node-gyp needs Python anyway.
 * @returns {{ sources: string[], defines: string[], cflags: string[], ldflags: string[] }}
 */
function readGyp() {
  const program = 'import ast, json, sys; print(json.dumps(ast.literal_eval(sys.stdin.read())))'
  const input = readFileSync(join(NATIVE, 'binding.gyp'))
  const python = spawnSync('python3', ['-c', program], { input, encoding: 'utf8', timeout: COMPILE_TIMEOUT })
  if (python.status !== 0) die(`binding.gyp: ${python.stderr}`)
  return { defines: [], cflags: [], ldflags: [], ...JSON.parse(python.stdout).targets[0] }
}

/** The folder of node_api.h; Node-API is the same on every platform. */
function headers() {
  const folder = join(dirname(dirname(process.execPath)), 'include', 'node')
  if (!existsSync(join(folder, 'node_api.h'))) {
    die(`no Node.js headers in ${folder}: install Node.js from nodejs.org, whose archive has them`)
  }
  return folder
}
