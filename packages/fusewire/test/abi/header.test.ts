import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { dataFile } from './reference.js'

/** Milliseconds for one run of the compiler on a loaded machine. */
const COMPILE_TIMEOUT = 60_000
/** Minor of Linux 5.10; older headers lack whole groups of what we compare. */
const HEADER_MINOR_MIN = 32

const source = fileURLToPath(dataFile('layout.gen.c'))
const compiler = process.env.CC ?? 'cc'

function compile(args: readonly string[], input?: string) {
  return spawnSync(compiler, args, { encoding: 'utf8', timeout: COMPILE_TIMEOUT, input })
}

/** Why the test cannot run here, or null. */
function missing(): string | null {
  if (process.platform !== 'linux')
    return `linux/fuse.h is compared on Linux only, this is ${process.platform}`
  if (compile(['--version']).status !== 0) return `no C compiler "${compiler}" (install gcc, or set CC)`
  const probe = compile(['-E', '-dM', '-x', 'c', '-'], '#include <linux/fuse.h>\n')
  const minor = /#define FUSE_KERNEL_MINOR_VERSION (\d+)/.exec(probe.stdout)?.[1]
  if (minor === undefined) return 'no linux/fuse.h (install linux-libc-dev)'
  return Number(minor) < HEADER_MINOR_MIN
    ? `linux/fuse.h is of 7.${minor}, older than 7.${HEADER_MINOR_MIN}`
    : null
}

const reason = missing()

test("the tables agree with the system's linux/fuse.h", { skip: reason ?? false }, () => {
  const run = compile(['-fsyntax-only', '-Wall', '-Wextra', '-Werror', source])
  assert.equal(run.status, 0, run.stderr)
})

test('the comparison notices a wrong offset, size and number', { skip: reason ?? false }, () => {
  const text = readFileSync(source, 'utf8')
  for (const [right, wrong] of [
    ['FIELD(fuse_read_in, offset, 8, 8);', 'FIELD(fuse_read_in, offset, 16, 8);'],
    ['SIZE(fuse_write_in, 40);', 'SIZE(fuse_write_in, 48);'],
    ['VALUE((unsigned int)FUSE_LOOKUP, 1u);', 'VALUE((unsigned int)FUSE_LOOKUP, 2u);'],
  ] as const) {
    assert(text.includes(right), right)
    const run = compile(['-fsyntax-only', '-x', 'c', '-'], text.replace(right, wrong))
    assert.notEqual(run.status, 0, `${wrong} compiled`)
    assert.match(run.stderr, /static assertion failed/)
  }
})
