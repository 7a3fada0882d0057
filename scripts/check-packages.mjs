// `npm run check:packages`: what npm users would stumble over in the tarballs of packed/ (another folder: its path).
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { die, ROOT, run, toolPath } from './lib/paths.mjs'

/** Scripts that npm runs on a user's machine; newer versions of npm block them. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare']
/** Unpacking takes a moment; after this many milliseconds it hangs. */
const TAR_TIMEOUT = 60_000

const folder = resolve(process.argv[2] ?? join(ROOT, 'packed'))
const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
if (tarballs.length === 0) die(`no tarballs in ${folder}: run npm run pack:all`)

/** @type {string[]} */
const problems = []
for (const tarball of tarballs) {
  console.log(`\n== ${tarball}`)
  const path = join(folder, tarball)
  run(process.execPath, [toolPath('publint'), 'run', path, '--strict'])
  const manifest = checkContent(tarball, path)
  // A binary package has no types, and the command is no library.
  if (manifest.main === 'fusewire.node' || manifest.bin !== undefined) continue
  const profile = 'main' in manifest ? 'node16' : 'esm-only'
  run(process.execPath, [toolPath('attw'), path, '--profile', profile, '--format', 'ascii', '--no-color'])
}
if (problems.length > 0) die(problems.join('\n'))

function checkContent(/** @type {string} */ tarball, /** @type {string} */ path) {
  const scratch = mkdtempSync(join(tmpdir(), 'fusewire-check-'))
  try {
    const tar = spawnSync('tar', ['-xzf', path, '-C', scratch], { timeout: TAR_TIMEOUT })
    if (tar.status !== 0) die(`tar -xzf ${path} failed: ${tar.stderr}`)
    const root = join(scratch, 'package')
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    for (const script of INSTALL_SCRIPTS) {
      if (manifest.scripts?.[script] !== undefined)
        problems.push(`${tarball}: has the install script ${script}`)
    }
    // npm runs node-gyp by itself in a package with a binding.gyp at its root.
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    if (files.includes('binding.gyp'))
      problems.push(`${tarball}: binding.gyp at its root makes npm compile it`)
    for (const file of files) {
      if (/\.test\.|tsbuildinfo$|(^|\/)(test|node_modules)(\/|$)/.test(file))
        problems.push(`${tarball}: has ${file}`)
    }
    if (manifest.name === 'fusewire' && Object.keys(manifest.dependencies ?? {}).length > 0) {
      problems.push(`${tarball}: has runtime dependencies`)
    }
    for (const needed of ['LICENSE', 'README.md']) {
      if (!files.includes(needed)) problems.push(`${tarball}: lacks ${needed}`)
    }
    for (const file of filesWithText(root, [ROOT, homedir()]))
      problems.push(`${tarball}: ${file} names this machine`)
    return manifest
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** The files below a folder that contain one of the given texts (a path of the machine that built them, say). */
function filesWithText(/** @type {string} */ root, /** @type {string[]} */ texts) {
  const patterns = texts.filter((text) => text.length > 1).flatMap((text) => ['-e', `${text}/`])
  const grep = spawnSync('grep', ['-rlaF', ...patterns, '.'], {
    cwd: root,
    encoding: 'utf8',
    timeout: TAR_TIMEOUT,
  })
  return grep.stdout.split('\n').filter(Boolean)
}
