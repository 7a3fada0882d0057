// Every file of examples/ is mounted and used as its first lines say.
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))
const START_MS = 20_000
const run = promisify(execFile)

/** Runs a command on a mount, with a limit: a hung mount must not hang the test. */
const shell = async (command: string, dir: string): Promise<string> =>
  (await run('sh', ['-c', command], { cwd: dir, timeout: 20_000 })).stdout

async function start(name: string, dir: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(ROOT, 'examples', 'dist', `${name}.js`), dir, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const deadline = Date.now() + START_MS
  while (!readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir} `)) {
    assert.equal(child.exitCode, null, `${name} ended before it had mounted`)
    assert.ok(Date.now() < deadline, `${name} has not mounted`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return child
}

/** What each example has to show, on its mount. */
const uses: Record<string, (dir: string) => Promise<void>> = {
  async hello(dir) {
    assert.equal(await readFile(join(dir, 'hello'), 'utf8'), 'hello\n')
  },
  async clock(dir) {
    assert.deepEqual((await readdir(dir)).sort(), ['local', 'unix', 'utc'])
    const seconds = Number(await shell('cat unix', dir))
    assert.ok(Math.abs(seconds - Date.now() / 1000) < 60)
    assert.match(await shell('cat utc', dir), /^\d{4}-\d\d-\d\dT.*Z\n$/)
    await assert.rejects(readFile(join(dir, 'nowhere')), { code: 'ENOENT' })
  },
  async inodes(dir) {
    assert.equal(await readFile(join(dir, '42'), 'utf8'), '1764\n')
    await assert.rejects(readFile(join(dir, '042')), { code: 'ENOENT' })
    assert.equal((await shell('ls -f | wc -l', dir)).trim(), '1000000')
  },
  async process(dir) {
    assert.match(await shell('cat memory/rss', dir), /^\d{7,}\n$/)
    assert.equal(await readFile(join(dir, 'env', 'PATH'), 'utf8'), `${process.env.PATH}\n`)
    assert.equal(await readlink(join(dir, 'exe')), process.execPath)
  },
  async stream(dir) {
    assert.equal(await shell('head -n 3 ticks', dir), 'tick 1\ntick 2\ntick 3\n')
    assert.equal(await shell('cat countdown', dir), '3\n2\n1\n')
  },
  async settings(dir) {
    await writeFile(join(dir, 'port'), '8080')
    await assert.rejects(writeFile(join(dir, 'port'), 'nonsense'), { code: 'EINVAL' })
    await writeFile(join(dir, 'name'), 'test\n')
    assert.deepEqual(JSON.parse(await shell('cat all.json', dir)), { port: 8080, name: 'test' })
  },
  async mirror(dir) {
    assert.deepEqual(await readdir(dir), ['seen'])
    await assert.rejects(readFile(join(dir, 'secret-file')), { code: 'ENOENT' })
    await writeFile(join(dir, 'seen'), 'changed')
  },
  async bell(dir) {
    assert.match(await shell('head -n 2 bell', dir), /^ring \d+\nring \d+\n$/)
  },
}

describe('examples', () => {
  it('are all tested', () => {
    const names = readdirSync(join(ROOT, 'examples', 'src')).map((file) => file.replace('.ts', ''))
    assert.deepEqual(names.sort(), Object.keys(uses).sort())
  })

  for (const [name, use] of Object.entries(uses)) {
    it(`${name} does what it says, and leaves no mount at Ctrl-C`, { timeout: 60_000 }, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'fusewire-example-'))
      const dir = join(folder, 'mnt')
      const source = join(folder, 'source')
      mkdirSync(dir)
      mkdirSync(source)
      writeFileSync(join(source, 'seen'), 'original')
      writeFileSync(join(source, 'secret-file'), 'hidden')
      const child = await start(name, dir, source)
      const ended = once(child, 'exit')
      try {
        await use(dir)
      } finally {
        child.kill('SIGINT')
        const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
        const [code] = await ended
        clearTimeout(timer)
        assert.equal(code, 0)
        assert.ok(
          !readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${dir} `),
          'the mount is still there',
        )
        rmdirSync(dir)
        if (name === 'mirror') assert.equal(readFileSync(join(source, 'seen'), 'utf8'), 'changed')
        rmSync(folder, { recursive: true })
      }
    })
  }
})
