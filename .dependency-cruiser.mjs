// The import directions of the design: `npm run lint:imports`. packages/fusewire/test/packaging/import-rules.test.ts shows
// that each rule can fail.

const SRC = '^packages/fusewire/src'
/** The table of error numbers is every room's: an errno is what calls answer on all levels. */
const ERRNO = `${SRC}/abi/errno\\.ts$`

/** Which rooms of packages/fusewire/src a room may import besides itself. A room that is not listed may import nothing. */
export const MAY_IMPORT = {
  abi: [],
  native: [],
  transport: ['abi', 'native'],
  api: ['abi'],
  session: ['abi', 'api', 'transport'],
  fs: ['api', 'native'],
  mount: ['native'],
  front: ['abi', 'native', 'transport', 'api', 'session', 'mount'],
  testing: ['abi', 'api', 'transport', 'session', 'fs'],
}

const rooms = Object.entries(MAY_IMPORT).map(([room, others]) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import ${others.length === 0 ? 'nothing' : others.join(', ')} of src besides itself`,
  from: { path: `${SRC}/${room}/` },
  to: { path: SRC, pathNot: [`${SRC}/(${[room, ...others].join('|')})/`, ERRNO] },
}))

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const rules = [
  ...rooms,
  {
    name: 'known-rooms',
    comment: 'a new folder of src needs its line in MAY_IMPORT; index.ts opens all of them but testing',
    from: { path: `${SRC}/`, pathNot: `${SRC}/((${Object.keys(MAY_IMPORT).join('|')})/|index\\.ts$)` },
    to: { path: SRC },
  },
  {
    name: 'not-to-index',
    comment: 'src/index.ts and src/testing/index.ts are doors for users',
    from: { path: `${SRC}/` },
    to: { path: `${SRC}/(testing/)?index\\.ts$` },
  },
  {
    name: 'not-to-testing',
    comment: 'what users mount does not carry the test tools',
    from: { path: `${SRC}/`, pathNot: `${SRC}/testing/` },
    to: { path: `${SRC}/testing/` },
  },
  {
    name: 'abi-no-io',
    comment: 'abi is bytes in, bytes out: not even a module of Node.js',
    from: { path: `${SRC}/abi/` },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'disk-alone',
    comment: 'disk knows nothing of FUSE',
    from: { path: '^packages/disk/src/' },
    to: { path: ['^packages/(?!disk/)', '(^|/)fusewire(/|$)'] },
  },
  {
    name: 'not-to-cli',
    comment: 'the command is not a library',
    from: { path: '^packages/(?!cli/)' },
    to: { path: ['^packages/cli/', '^@fusewire/cli'] },
  },
  {
    name: 'no-dependencies',
    comment: 'published code has no runtime dependencies but the packages of this repository',
    from: { path: '^packages/[^/]+/src/' },
    to: {
      dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
      pathNot: ['^packages/', '^node_modules/(fusewire|@fusewire)/'],
    },
  },
  {
    name: 'no-tests-in-src',
    comment: 'published code imports no tests and no scripts',
    from: { path: '^packages/[^/]+/src/' },
    to: { path: '(^|/)(test|scripts|bench|examples)/', pathNot: 'node_modules' },
  },
  {
    name: 'no-cycles',
    comment: 'modules load in one order; types may refer to each other inside a room',
    from: { path: '^packages/' },
    to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
  },
  {
    name: 'resolvable',
    comment: 'every import leads to a file',
    from: {},
    to: { couldNotResolve: true },
  },
]

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: rules.map((rule) => ({ ...rule, severity: 'error' })),
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '/dist/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.cts', '.js'],
    },
  },
}
