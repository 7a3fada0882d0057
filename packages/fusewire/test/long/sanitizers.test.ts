import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url))
const BUILD_LIMIT = 300_000
/** What uses the addon directly; the filesystems above it add little to it and much time. */
const TESTS = [
  'test/native/',
  'test/mount/',
  'test/mounted/native',
  'test/mounted/mount',
  'test/fs/passthrough',
  'test/mounted/passthrough',
]
/** Twice what all these tests take without sanitizers on a slow machine. */
const TESTS_LIMIT = 20 * 60_000

/** The sanitizers' libraries, as the compiler names them; it echoes a bare name that it does not have. */
const libraries = ['libasan.so', 'libubsan.so'].map((name) =>
  spawnSync('cc', [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout?.trim(),
)
const skip = libraries.every((path) => path?.startsWith('/') && existsSync(path))
  ? false
  : 'the C compiler has no libasan and libubsan (gcc brings them, clang links its own into programs)'

describe('the addon under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer', { skip }, () => {
  let folder: string
  let reports: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'fusewire-sanitized-'))
    reports = join(folder, 'reports')
    mkdirSync(reports)
  })
  after(() => rmSync(folder, { recursive: true }))

  /** Runs Node with the sanitizers loaded. All children of it report into the same folder. */
  function node(addon: string, args: string[], timeout: number) {
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
    // Leaks of Node and of the programs that tests run are not ours: the reports decide, not the exit code.
    const common = `log_path=${join(reports, 'report')}:exitcode=0:abort_on_error=1`
    // Each frame with its module, so that leaks of the addon's code can be told from others.
    const frames = 'stack_trace_format="    #%n %F %L (%m)"'
    const env = {
      ...inherited,
      LD_PRELOAD: libraries.join(' '),
      FUSEWIRE_ADDON: addon,
      ASAN_OPTIONS: `detect_leaks=1:${common}:${frames}`,
      LSAN_OPTIONS: 'print_suppressions=0',
      UBSAN_OPTIONS: `print_stacktrace=1:halt_on_error=1:${common}`,
    }
    return spawnSync(process.execPath, args, {
      cwd: ROOT,
      encoding: 'utf8',
      env,
      timeout,
      maxBuffer: 1 << 28,
    })
  }

  /** What AddressSanitizer reported since the last call: every error, and the leaks that the addon's code made. */
  function findings(addon: string): string[] {
    const found: string[] = []
    for (const name of readdirSync(reports)) {
      const text = readFileSync(join(reports, name), 'utf8')
      rmSync(join(reports, name))
      if (/ERROR: AddressSanitizer/.test(text)) found.push(text)
      const leaks = text.split('\n\n').filter((block) => /^\s*(Direct|Indirect) leak of/.test(block))
      // Frame 0 is malloc. What V8 allocates on our behalf and loses at the exit is not ours.
      const ours = (block: string) => /^ *#1 .*$/m.exec(block)?.[0].endsWith(`(${addon})`)
      found.push(...leaks.filter(ours))
    }
    return found
  }

  it('the instruments work: an overflow, an undefined shift and a leak in an addon are found', () => {
    const source = join(folder, 'control.c')
    const binary = join(folder, 'control.node')
    writeFileSync(
      source,
      `#include <stdlib.h>
      void *napi_register_module_v1(void *env, void *exports) {
        (void)env;
        int kind = atoi(getenv("CONTROL"));
        volatile char *memory = malloc(8);
        if (kind == 0) memory[8] = 1;
        volatile int places = 40, one = 1;
        if (kind == 1) one <<= places;
        if (kind != 2) free((void *)memory);
        memory = NULL;
        return exports;
      }\n`,
    )
    const flags = [
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=undefined',
      '-g',
      '-fPIC',
      '-shared',
    ]
    const compiled = spawnSync('cc', [...flags, source, '-o', binary], {
      encoding: 'utf8',
      timeout: BUILD_LIMIT,
    })
    assert.equal(compiled.status, 0, compiled.stderr)
    const expected = [/heap-buffer-overflow/, /shift exponent 40 is too large/, /Direct leak of 8 byte/]
    for (const [kind, pattern] of expected.entries()) {
      process.env.CONTROL = String(kind)
      const run = node(binary, ['-e', `require(${JSON.stringify(binary)})`], 60_000)
      delete process.env.CONTROL
      assert.equal(run.signal, kind === 2 ? null : 'SIGABRT', run.stderr)
      assert.match(`${findings(binary).join('\n')}\n${run.stderr}`, pattern)
    }
  })

  it('no error and no leak in the tests that use the addon', { timeout: BUILD_LIMIT + TESTS_LIMIT }, (t) => {
    const copy = join(folder, 'addon')
    mkdirSync(copy)
    const build = spawnSync(process.execPath, ['scripts/build.mjs', 'sanitized', copy], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: BUILD_LIMIT,
    })
    assert.equal(build.status, 0, build.stdout + build.stderr)
    const addon = join(copy, 'build/Release/fusewire.node')
    const run = node(addon, ['scripts/test.mjs', 'all', ...TESTS], TESTS_LIMIT)
    const found = findings(addon)
    // The runtime of UndefinedBehaviorSanitizer writes to standard error only; the process it aborts fails its test as well.
    if (/runtime error:/.test(run.stdout + run.stderr)) found.push(run.stdout + run.stderr)
    assert.deepEqual(found, [], found.join('\n\n'))
    assert.equal(run.status, 0, `${run.signal ?? ''}\n${run.stdout}\n${run.stderr}`)
    const passed = Number(/^# pass (\d+)$/m.exec(run.stdout)?.[1])
    assert.ok(passed > 50, run.stdout)
    t.diagnostic(`${passed} tests passed under the sanitizers`)
  })
})
