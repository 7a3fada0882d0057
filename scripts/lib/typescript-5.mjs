// `node --import` this before dependency-cruiser: it parses TypeScript with the JavaScript API of TypeScript 5, which
// TypeScript 7 no longer has. Its requests for `typescript` get the older one that arethetypeswrong brings along.
import Module, { createRequire, register } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from './paths.mjs'

const older = createRequire(join(ROOT, 'node_modules', '@arethetypeswrong', 'core', 'package.json'))
const paths = new Map(['typescript', 'typescript/package.json'].map((name) => [name, older.resolve(name)]))

// dependency-cruiser asks by `require` which version there is and loads it by `import`.
const loader = /** @type {{ _resolveFilename: (request: string, ...rest: unknown[]) => string }} */ (
  /** @type {unknown} */ (Module)
)
const resolveFilename = loader._resolveFilename
loader._resolveFilename = (request, ...rest) => paths.get(request) ?? resolveFilename(request, ...rest)

const url = pathToFileURL(paths.get('typescript') ?? '').href
const hook = `export const resolve = (name, context, next) => next(name === 'typescript' ? '${url}' : name, context)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
