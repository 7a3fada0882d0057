// Finds and loads the addon: first the binary package of this platform, then the one built in the repository.
// CommonJS, because that is where `require` loads a .node file; ESM and CommonJS code load this file alike.
const fs: typeof import('node:fs') = require('node:fs')
const path: typeof import('node:path') = require('node:path')

interface Attempt {
  readonly what: string
  readonly why: string
}

const PACKAGE_ROOT = path.join(__dirname, '../../..')
const BUILT = path.join(PACKAGE_ROOT, 'native/build/Release/fusewire.node')

/** Which C library this Node was linked against: the ELF interpreter is named within the first page of the program. */
function libc(): 'gnu' | 'musl' {
  const page = Buffer.alloc(4096)
  try {
    const fd = fs.openSync('/proc/self/exe', 'r')
    try {
      fs.readSync(fd, page, 0, page.length, 0)
    } finally {
      fs.closeSync(fd)
    }
  } catch {
    return 'gnu' // without /proc: the usual one; a wrong guess is told by the loader's error
  }
  return page.includes('/ld-musl-') ? 'musl' : 'gnu'
}

function reason(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? error.message) : String(error)
}

function version(manifest: string): string {
  return (require(manifest) as { version: string }).version
}

/** The binary package must have been released together with this library: their interface has no other promise. */
function loadPackage(name: string): unknown {
  const own = version(path.join(PACKAGE_ROOT, 'package.json'))
  const other = version(`${name}/package.json`)
  if (own !== other) throw new Error(`its version is ${other}, fusewire's is ${own}: install both anew`)
  return require(name)
}

function cure(name: string): string {
  if (process.platform !== 'linux') {
    return `FUSE is a feature of Linux and this is ${process.platform}; fusewire/testing works without the addon.`
  }
  return (
    `Install the binary package: npm install ${name} (npm leaves it out with --omit=optional, or when the lock file was ` +
    'made on another platform). In a clone of the repository: npm run build:native, ' +
    'which needs a C compiler, make and python3 (Debian and Ubuntu: apt-get install build-essential python3).'
  )
}

let loaded: unknown

/**
 * The addon's exports, loaded once. FUSEWIRE_ADDON names another binary to load instead (a sanitizer build, say).
 * @throws Error with `code` 'ERR_FUSEWIRE_ADDON' whose message says what was tried, why each failed, and the cure.
 */
function loadAddon(): unknown {
  if (loaded !== undefined) return loaded
  const name = `@fusewire/native-linux-${process.arch}-${libc()}`
  const given = process.env.FUSEWIRE_ADDON
  const places: [what: string, load: () => unknown][] = given
    ? [[`FUSEWIRE_ADDON=${given}`, () => require(path.resolve(given))]]
    : [
        [name, () => loadPackage(name)],
        [BUILT, () => require(BUILT)],
      ]
  const attempts: Attempt[] = []
  for (const [what, load] of places) {
    try {
      loaded = load()
      return loaded
    } catch (error) {
      attempts.push({ what, why: reason(error) })
    }
  }
  const list = attempts.map(({ what, why }) => `  ${what}: ${why}`).join('\n')
  const message = `fusewire's native addon could not be loaded. Tried:\n${list}\n${cure(name)}`
  throw Object.assign(new Error(message), { code: 'ERR_FUSEWIRE_ADDON', attempts })
}

// @ts-expect-error erasableSyntaxOnly refuses `export =`, the one way to type a CommonJS module; tsc compiles this file.
export = { loadAddon, libc }
