// `npm run build`: TypeScript into dist/ (ESM and CommonJS), the addon into native/build/. Does only what is out of date.
// `node scripts/build.mjs ts` leaves the addon out, `addon` builds only that, and always, `sanitized FOLDER` a copy for tests.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { die, PACKAGES, ROOT, run, toolPath } from './lib/paths.mjs'
import { checkToolchain } from './lib/prepare.mjs'

const NATIVE = join(ROOT, 'packages', 'fusewire', 'native')
const ADDON = join(NATIVE, 'build', 'Release', 'fusewire.node')
/** node-gyp takes some ten seconds; after this many milliseconds it hangs. */
const ADDON_TIMEOUT = 300_000

/** Compiles every package and takes away output whose source is gone. */
export function buildTypeScript() {
  for (const name of PACKAGES) pruneOutput(join(ROOT, 'packages', name))
  // Node.js reads .js files as CommonJS below a package.json that says so.
  const marker = join(ROOT, 'packages', 'fusewire', 'dist', 'cjs', 'package.json')
  mkdirSync(dirname(marker), { recursive: true })
  writeFileSync(marker, '{ "type": "commonjs" }\n')
  run(process.execPath, [toolPath('tsc'), '-b'])
}

/** Removes compiled files that no source stands behind: a deleted test would run and a deleted module would be packed. */
function pruneOutput(/** @type {string} */ folder) {
  for (const [output, source] of [
    ['dist/src', 'src'],
    ['dist/test', 'test'],
    ['dist/scripts', 'scripts'],
    ['dist/cjs', 'src'],
  ]) {
    const root = join(folder, output ?? '')
    if (!existsSync(root)) continue
    for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      const compiled = /^(.*?)(?:\.d)?\.([cm]?)[jt]s(?:\.map)?$/.exec(entry)
      if (compiled === null) continue
      const path = join(folder, source ?? '', `${compiled[1]}.${compiled[2]}ts`)
      if (!existsSync(path)) rmSync(join(root, entry))
    }
  }
}

/**
 * Builds the addon with node-gyp when a source is newer than the binary. On other systems than Linux there is nothing to
 * build: what needs no kernel works without the addon.
 */
export function buildAddon(force = false) {
  if (process.platform !== 'linux' || (addonIsFresh() && !force)) return
  checkToolchain()
  nodeGyp(NATIVE)
}

/**
 * Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer from a copy of its sources, into
 * `<folder>/build/Release`. Node itself is not built so: the program that loads it needs the sanitizers in LD_PRELOAD.
 */
export function buildSanitizedAddon(/** @type {string} */ folder) {
  checkToolchain()
  for (const name of addonSources()) copyFileSync(join(NATIVE, name), join(folder, name))
  const flags = '-fsanitize=address,undefined -fno-sanitize-recover=undefined'
  const env = { ...process.env, CFLAGS: `${flags} -g -fno-omit-frame-pointer`, LDFLAGS: flags }
  nodeGyp(folder, env)
}

function nodeGyp(/** @type {string} */ folder, env = process.env) {
  const gyp = spawnSync(process.execPath, [toolPath('node-gyp'), 'rebuild', '--silent', ...headersOption()], {
    cwd: folder,
    encoding: 'utf8',
    timeout: ADDON_TIMEOUT,
    env,
  })
  if (gyp.status !== 0)
    die(`${gyp.stdout}${gyp.stderr}\nThe addon could not be built: the compiler says why above.`)
}

function addonSources() {
  return readdirSync(NATIVE).filter((name) => /\.(c|h|gyp)$/.test(name))
}

function addonIsFresh() {
  if (!existsSync(ADDON)) return false
  const built = statSync(ADDON).mtimeMs
  return addonSources().every((name) => statSync(join(NATIVE, name)).mtimeMs < built)
}

/** Takes the headers that lie beside this node, where they are its own: node-gyp would download the same ones. */
export function headersOption() {
  const prefix = dirname(dirname(process.execPath))
  const include = join(prefix, 'include', 'node')
  if (!existsSync(join(include, 'config.gypi')) || !existsSync(join(include, 'node_version.h'))) return []
  const text = readFileSync(join(include, 'node_version.h'), 'utf8')
  const part = (/** @type {string} */ name) =>
    new RegExp(`#define NODE_${name}_VERSION (\\d+)`).exec(text)?.[1]
  const version = `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`
  return version === process.versions.node ? [`--nodedir=${prefix}`] : []
}

/** Everything that is out of date. */
export function buildAll() {
  buildTypeScript()
  buildAddon()
}

if (process.argv[1] === join(ROOT, 'scripts', 'build.mjs')) {
  const part = process.argv[2] ?? 'all'
  if (part === 'all' || part === 'ts') buildTypeScript()
  if (part === 'all' || part === 'addon') buildAddon(part === 'addon')
  if (part === 'sanitized') buildSanitizedAddon(process.argv[3] ?? die('sanitized: name a folder'))
}
