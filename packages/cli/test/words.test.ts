// What the command says and how it exits, without a mount.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../src/run.js'
import { bash, folder, fusewire, type Outcome } from './command.js'

/** The command within this process: what it prints, and the code that it would exit with. */
async function said(...args: string[]): Promise<Outcome> {
  const printed: string[] = []
  const warned: string[] = []
  const code = await run(args, {
    print: (text) => void printed.push(`${text}\n`),
    warn: (text) => void warned.push(`${text}\n`),
  })
  return { code, stdout: printed.join(''), stderr: warned.join('') }
}

const COMMANDS = ['mount', 'umount', 'list', 'completion']

test('--help on every level has examples and exits with 0', async () => {
  for (const args of [[], ['--help'], ['-h'], ['help']]) {
    const { code, stdout, stderr } = await said(...args)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}70 /)
    for (const name of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
  }
  for (const name of COMMANDS) {
    for (const args of [
      [name, '--help'],
      [name, '-h'],
      ['help', name],
    ]) {
      const { code, stdout } = await said(...args)
      assert.equal(code, 0)
      assert.match(stdout, new RegExp(`^Usage: fusewire ${name}`))
      assert.match(stdout, /^Examples:\n {2}\S/m)
    }
  }
})

test('an umount of a path that does not exist does not advise to create it', async (t) => {
  const { code, stderr } = await said('umount', join(folder(t).dir, 'nowhere'))
  assert.equal(code, 1)
  assert.match(stderr, /does not exist.*fusewire list shows/)
})

test('--version is the package\u2019s', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  assert.equal((await said('--version')).stdout, `${manifest.version}\n`)
})

test('command lines that cannot be understood exit with 2, one line and a cure', async (t) => {
  const { dir, mnt } = folder(t)
  const json = join(dir, 'bad.json')
  writeFileSync(json, '{"a": 5}')
  const broken = join(dir, 'broken.json')
  writeFileSync(broken, '{')
  const cases: [string[], RegExp][] = [
    [['moutn'], /did you mean 'mount'/],
    [['mount', 'hello', mnt, '-o', 'allow_otter'], /did you mean 'allow_other'/],
    [['mount', 'hello', mnt, '-o', 'max_read=many'], /max_read/],
    [['mount', 'hello', mnt, '-o', 'frobnicate'], /unknown mount option 'frobnicate'/],
    [['help', 'lsit'], /did you mean 'list'/],
    [['zzzzzz'], /there are: mount, umount/],
    [['mount'], /there are: hello/],
    [['mount', 'memry', mnt], /did you mean 'memory'/],
    [['mount', 'hello'], /0 words/],
    [['mount', 'hello', 'a', 'b'], /hello DIR/],
    [['mount', 'tree', mnt], /tree FILE DIR/],
    [['mount', 'hello', mnt, '--sise', '5'], /did you mean --size/],
    [['mount', 'hello', mnt, '--size', '5'], /means nothing to hello/],
    [['mount', 'memory', mnt, '--size'], /--size/],
    [['mount', 'memory', mnt, '--inodes', 'many'], /whole number/],
    [['mount', 'memory', mnt, '--size', 'huge'], /size is "huge"/],
    [['mount', 'hello', mnt, '-o', 'entry_timeout=x'], /entry_timeout=SECONDS/],
    [['mount', 'tree', json, mnt], /a is no object/],
    [['mount', 'tree', broken, mnt], /not JSON/],
    [['umount'], /no mount point/],
    [['umount', mnt, '--timeout', '0'], /1 to 3600/],
    [['umount', mnt, '--lzay'], /did you mean --lazy/],
    [['list', 'all'], /takes no words/],
    [['completion', 'fish'], /bash or zsh/],
    [['completion'], /bash or zsh/],
  ]
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await said(...args)
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, /^fusewire: [^\n]+\n$/)
    assert.match(stderr, message)
  }
})

test('what the system refuses exits with 1, one line and a cure; --debug adds the stack', async (t) => {
  const { dir, mnt } = folder(t)
  const cases: string[][] = [
    ['mount', 'hello', join(dir, 'missing')],
    ['mount', 'tree', join(dir, 'none.json'), mnt],
    ['mount', 'tree', join(dir, 'none.js'), mnt],
    ['mount', 'passthrough', join(dir, 'none'), mnt],
    ['mount', 'hello', mnt, '--daemon', '--log', join(dir, 'no', 'log')],
    ['umount', mnt],
    ['umount', join(dir, 'missing')],
    ['umount', '/proc'],
  ]
  for (const args of cases) {
    const { code, stdout, stderr } = await said(...args)
    assert.equal(code, 1, `${args.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, /^fusewire: [^\n]+\n$/, args.join(' '))
  }
  const { stderr } = await said('umount', mnt, '--debug')
  assert.match(stderr, /\n +at /)
})

test('control characters of names reach no terminal', async (t) => {
  const { dir } = folder(t)
  const { stderr } = await fusewire('umount', join(dir, 'a\u001b[31m\nb'))
  assert.match(stderr, /a\\x1b\[31m\\x0ab/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the absence of control characters is what is tested.
  assert.match(stderr, /^[^\u0000-\u001f]+\n$/)
})

test('the process exits with the code of its command', async () => {
  assert.equal((await fusewire('--version')).code, 0)
  assert.equal((await fusewire('umount', '/proc')).code, 1)
  assert.equal((await fusewire('moutn')).code, 2)
})

test('a reader that leaves is no error', async () => {
  for (const script of [
    '$F list | head -0',
    '$F --help | head -1',
    '$F completion zsh | true',
    '$F --help >&-',
  ]) {
    const { code, stderr } = await bash(`set -o pipefail; ${script}`)
    assert.deepEqual([code, stderr], [0, ''], script)
  }
})

test('bash completes commands, options, words and files', async (t) => {
  const { dir } = folder(t)
  const complete = async (...words: string[]): Promise<string[]> => {
    const script = `cd ${dir}; eval "$($F completion bash)"
COMP_WORDS=(fusewire "$@"); COMP_CWORD=$#; _fusewire; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr } = await bash(`set -- ${words.map((word) => `'${word}'`).join(' ')}; ${script}`)
    assert.equal(stderr, '')
    return stdout.trim().split('\n')
  }
  assert.deepEqual(await complete('m'), ['mount'])
  assert.deepEqual((await complete('')).slice(0, 4), COMMANDS)
  assert.deepEqual(await complete('--v'), ['--version'])
  assert.deepEqual(await complete('mount', 'pass'), ['passthrough'])
  assert.deepEqual(await complete('mount', 'hello', '--da'), ['--daemon'])
  assert.deepEqual(await complete('umount', '--'), [
    '--lazy',
    '--force',
    '--timeout',
    '--json',
    '--help',
    '--debug',
  ])
  assert.deepEqual(await complete('umount', 'mn'), ['mnt'])
  assert.deepEqual(await complete('completion', 'z'), ['zsh'])
})

const noZsh = spawnSync('zsh', ['--version']).status === 0 ? false : 'zsh is not installed'
test('zsh can parse its completion', { skip: noZsh }, async () => {
  const { code, stderr } = await bash(`$F completion zsh | zsh -n`)
  assert.deepEqual([code, stderr], [0, ''])
})
