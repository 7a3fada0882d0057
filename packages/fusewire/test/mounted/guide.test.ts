// The programs and the terminal sessions of docs/guides/first-filesystem.md, run as they stand there.
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))
const GUIDE = readFileSync(join(ROOT, 'docs', 'guides', 'first-filesystem.md'), 'utf8')
const START_MS = 20_000

/** Code blocks by language, with the file that each names. */
function blocks(language: string): [string, string][] {
  const found = GUIDE.matchAll(new RegExp(`^\`\`\`${language} (\\S+)\\n([\\s\\S]*?)^\`\`\``, 'gm'))
  return [...found].map((match) => [match[1]!, match[2]!])
}

/** A terminal session as pairs of a command and what it shows, standard error included. */
function session(text: string): [string, string][] {
  const steps = text.split(/^\$ /m).slice(1)
  return steps.map((step) => {
    const end = step.indexOf('\n')
    return [step.slice(0, end), step.slice(end + 1)]
  })
}

describe('the guide to a first filesystem', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fusewire-guide-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  before(() => {
    for (const [name, code] of blocks('ts')) writeFileSync(join(folder, name), code)
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    const options = {
      strict: true,
      target: 'es2023',
      module: 'nodenext',
      types: ['node'],
      lib: ['es2023', 'esnext.disposable'],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }))
    execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
    })
  })

  for (const [name, text] of blocks('console')) {
    it(`${name} shows what the page shows`, { timeout: 60_000 }, async () => {
      const dir = join(folder, name.replace('.ts', ''))
      mkdirSync(dir)
      const child = await start(join(folder, name.replace('.ts', '.js')), dir)
      const ended = once(child, 'exit')
      try {
        for (const [command, shown] of session(text)) {
          const run = spawnSync('sh', ['-c', `${command} 2>&1`], {
            cwd: dir,
            encoding: 'utf8',
            timeout: 20_000,
          })
          // Shells differ in how they name themselves and the line.
          const plain = (output: string) => output.replace(/^sh: (\d+: |line \d+: )?/gm, 'sh: ')
          assert.equal(plain(run.stdout + run.stderr), plain(shown), command)
        }
      } finally {
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
        assert.deepEqual(await ended, [0, null])
        clearTimeout(timer)
      }
    })
  }

  it('the test without a kernel passes', () => {
    const shown = execFileSync(process.execPath, [join(folder, 'notes-3.js')], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    assert.equal(shown, 'as expected\n')
  })
})

async function start(file: string, dir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [file, dir], { stdio: ['ignore', 'ignore', 'inherit'] })
  const deadline = Date.now() + START_MS
  while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir} `)) {
    assert.equal(child.exitCode, null, `${file} ended before it had mounted`)
    assert.ok(Date.now() < deadline, `${file} has not mounted`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return child
}
