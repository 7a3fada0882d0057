#!/usr/bin/env node
// The `fusewire` command.
import { readFileSync } from 'node:fs'

const HELP = `usage: fusewire --version | --help
`

/** Exit code for a command line that makes no sense, as sysexits(3) has it. */
const EX_USAGE = 64

const [word, ...rest] = process.argv.slice(2)
if (word === '--version' && rest.length === 0) {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  console.log((JSON.parse(manifest) as { version: string }).version)
} else if (word === '--help' && rest.length === 0) {
  process.stdout.write(HELP)
} else {
  process.stderr.write(HELP)
  process.exitCode = EX_USAGE
}
