// `npm run pack:all`: packs every package as it is published into packed/ (another folder: --out DIR), the binary
// packages for every platform that this machine has a compiler for (only its own: --host).
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildAll } from './build.mjs'
import { compileAddon, hostTarget, TARGETS, targetBlocker } from './lib/addon-targets.mjs'
import { die, PACKAGES, ROOT } from './lib/paths.mjs'

/** npm pack of one package takes a second; after this many milliseconds it hangs. */
const PACK_TIMEOUT = 120_000

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: join(ROOT, 'packed') },
    host: { type: 'boolean', default: false },
  },
})
const out = resolve(options.out)
const targets = /** @type {import('./lib/addon-targets.mjs').Target[]} */ (Object.keys(TARGETS))
const version = readManifest('fusewire').version

buildAll()
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const scratch = mkdtempSync(join(tmpdir(), 'fusewire-pack-'))
try {
  for (const target of targets) packBinary(target)
  for (const name of PACKAGES) packSources(name)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function readManifest(/** @type {string} */ name) {
  return JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'))
}

function packBinary(/** @type {import('./lib/addon-targets.mjs').Target} */ target) {
  if (options.host && target !== hostTarget()) return
  const blocker = targetBlocker(target)
  if (blocker !== null) {
    console.log(`not packed: @fusewire/${target}: ${blocker}`)
    return
  }
  const stage = stagePackage(target, readManifest(target))
  const addon = join(stage, 'fusewire.node')
  compileAddon(target, addon)
  pack(stage, glibcNeeded(addon))
}

function packSources(/** @type {string} */ name) {
  const manifest = readManifest(name)
  // The repository builds the addon itself. Only here do the binary packages become dependencies: npm refuses a
  // workspace of another platform, and before a release the registry does not have the version that is in the lock file.
  if (name === 'fusewire') {
    manifest.optionalDependencies = Object.fromEntries(
      targets.map((target) => [`@fusewire/${target}`, version]),
    )
  }
  pack(stagePackage(name, manifest), '')
}

/** Copies a package to where npm packs it, with the manifest that is published. */
function stagePackage(/** @type {string} */ name, /** @type {Record<string, any>} */ manifest) {
  if (manifest.version !== version) die(`${manifest.name} is at ${manifest.version}, fusewire at ${version}`)
  for (const [dependency, range] of Object.entries(manifest.dependencies ?? {})) {
    if (range !== version) die(`${manifest.name} asks for ${dependency} ${range}, which is at ${version}`)
  }
  const source = join(ROOT, 'packages', name)
  const stage = join(scratch, name)
  cpSync(source, stage, {
    recursive: true,
    filter: (path) => !['node_modules', 'test', 'build'].includes(basename(path)) || path === source,
  })
  const { scripts, devDependencies, ...published } = manifest
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`)
  copyFileSync(join(ROOT, 'LICENSE'), join(stage, 'LICENSE'))
  if (name === 'fusewire') copyFileSync(join(ROOT, 'CHANGELOG.md'), join(stage, 'CHANGELOG.md'))
  if (!existsSync(join(stage, 'README.md'))) copyFileSync(join(ROOT, 'README.md'), join(stage, 'README.md'))
  return stage
}

function pack(/** @type {string} */ stage, /** @type {string} */ remark) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', out]
  const npm = spawnSync('npm', args, { cwd: stage, encoding: 'utf8', timeout: PACK_TIMEOUT })
  if (npm.status !== 0) die(`npm pack in ${stage}: ${npm.stderr}`)
  const [{ filename, size, files }] = JSON.parse(npm.stdout)
  console.log(
    `${relative(process.cwd(), join(out, filename))}: ${files.length} files, ${size} bytes${remark}`,
  )
}

/** The newest glibc that a binary asks for: the versions of its symbols are in it as text. */
function glibcNeeded(/** @type {string} */ addon) {
  const minors = [...readFileSync(addon, 'latin1').matchAll(/GLIBC_2\.(\d+)/g)].map(([, minor]) =>
    Number(minor),
  )
  return minors.length === 0 ? '' : `, needs glibc 2.${Math.max(...minors)}`
}
