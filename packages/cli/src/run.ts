import { readFileSync } from 'node:fs'
import { MountError, nearest } from 'fusewire'
import { COMMANDS } from './commands/index.js'
import { describeError } from './errors.js'
import { shown } from './shown.js'
import { type Command, EXIT, type Output, UsageError } from './usage.js'

const HELP = `fusewire: FUSE filesystems for Linux, in TypeScript

Usage: fusewire COMMAND [ARGUMENT ...]

Commands:
${COMMANDS.map((command) => `  ${command.name.padEnd(12)}${command.summary}`).join('\n')}

Options:
  --help        this text; after a command, its own
  --version     the version
  --debug       after a command: stacks of errors, and every request and reply of a mount

Exit codes:
  0  done
  1  refused: the message says by what, why, and what to do
  2  the command line cannot be understood
  70 a defect of fusewire itself

Examples:
  fusewire mount hello ./mnt
  fusewire mount memory ./mnt --size 1G --daemon
  fusewire mount passthrough ~/src ./mnt -o allow_other,default_permissions
  fusewire list
  fusewire umount ./mnt`

export async function run(args: readonly string[], out: Output): Promise<number> {
  const [word, ...rest] = args
  if (word === '--version' || word === '-V') {
    out.print(version())
    return EXIT.ok
  }
  const debug = args.includes('--debug')
  try {
    if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
      return help(rest[0], out)
    }
    const command = find(word)
    if (wantsHelp(rest)) {
      out.print(command.help)
      return EXIT.ok
    }
    return await command.run(rest, out)
  } catch (error) {
    return report(error, debug, out)
  }
}

function help(word: string | undefined, out: Output): number {
  out.print(word === undefined ? HELP : find(word).help)
  return EXIT.ok
}

/** `--help` anywhere before a lone `--`. */
function wantsHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}

function find(word: string): Command {
  const command = COMMANDS.find(({ name }) => name === word)
  if (command !== undefined) return command
  const names = COMMANDS.map(({ name }) => name)
  const near = nearest(word, names)
  throw new UsageError(
    `unknown command '${word}'`,
    near === undefined ? `there are: ${names.join(', ')}` : `did you mean '${near}'?`,
  )
}

/** One plain sentence and a cure; the stack only with --debug. */
function report(error: unknown, debug: boolean, out: Output): number {
  if (error instanceof UsageError) {
    out.warn(`fusewire: ${shown(`${error.message}; ${error.cure}`)}`)
    return EXIT.usage
  }
  out.warn(`fusewire: ${describeError(error)}`)
  if (debug && error instanceof Error) {
    out.warn(error.stack ?? String(error))
    if (error instanceof MountError)
      for (const { method, step, reason } of error.tried) out.warn(`  ${method}: ${step}: ${reason}`)
  }
  // An option that mount() refuses is a word of the command line that cannot be taken.
  if (error instanceof MountError && error.step === 'options') return EXIT.usage
  return isKnown(error) ? EXIT.failed : EXIT.defect
}

/** Errors of the system carry a code; what carries none is our own mistake. */
const isKnown = (error: unknown): boolean => typeof (error as { code?: unknown } | null)?.code === 'string'

export function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return manifest.version
}
