import { type Mount, type MountOptions, mount as mountFs, type Options, parseOptionString } from 'fusewire'
import { flag, type Parsed, parse, text } from '../arguments.js'
import { inBackground, isBackground, tell } from '../daemon.js'
import { describeError } from '../errors.js'
import { FILESYSTEMS, type Kind, kindNamed } from '../filesystems.js'
import { shown } from '../shown.js'
import { type Command, EXIT, type Output, UsageError } from '../usage.js'

const KINDS = FILESYSTEMS.map(({ usage, summary }) => `  ${usage.padEnd(24)}${summary}`).join('\n')
const OWN_OPTIONS = [...new Set(FILESYSTEMS.flatMap(({ options }) => options))]

export const mount: Command = {
  name: 'mount',
  summary: 'mount a filesystem and serve it',
  options: ['--daemon', '--log', '--json', '-o', ...OWN_OPTIONS.map((name) => `--${name}`)],
  words: FILESYSTEMS.map(({ name }) => name),
  help: `Usage: fusewire mount FILESYSTEM [WORD] DIR [OPTION ...]

Mounts a filesystem on DIR and serves it until Ctrl-C, SIGTERM, or an umount by anybody.
A second Ctrl-C detaches a mount that is in use.

Filesystems:
${KINDS}

Options:
  -o OPT[,OPT=VALUE]   as mount(8) spells them: ro, allow_other, default_permissions, fsname=,
                       subtype=, max_read=, noexec, replace_stale ..., entry_timeout=, attr_timeout=
                       (seconds), and the filesystem's own (size=1G)
  -d, --daemon         return when the mount answers, serve in the background
      --log FILE       with --daemon: where its later messages go
      --json           say what was mounted as JSON
      --debug          print every request and every reply

Examples:
  fusewire mount hello ./mnt
  fusewire mount memory ./mnt --size 1G --daemon
  fusewire mount tree site.json ./mnt -o ro
  fusewire mount passthrough ~/src ./mnt -o allow_other,default_permissions`,

  async run(args, out) {
    const own = Object.fromEntries(OWN_OPTIONS.map((name) => [name, { type: 'string' as const }]))
    const parsed = parse('mount', args, {
      option: { type: 'string', short: 'o', multiple: true },
      daemon: { type: 'boolean', short: 'd' },
      log: { type: 'string' },
      json: { type: 'boolean' },
      ...own,
    })
    const plan = planOf(parsed)
    if (!flag(parsed, 'daemon')) return serve(plan, parsed, out)
    if (isBackground()) return serveInBackground(plan, parsed, out)
    const ready = await inBackground(['mount', ...args], text(parsed, 'log'))
    if (ready.line !== undefined) out.print(ready.line)
    if (ready.error !== undefined) out.warn(`fusewire: ${ready.error}`)
    return ready.code
  },
}

/** What is to be mounted where and how, all checked that can be checked before anything is touched. */
interface Plan {
  readonly kind: Kind
  readonly words: readonly string[]
  readonly dir: string
  readonly options: Options
  readonly own: ReadonlyMap<string, string>
}

function planOf(parsed: Parsed): Plan {
  const [name, ...rest] = parsed.words
  const kind = kindNamed(name)
  const dir = rest.pop()
  const [least, most] = kind.words
  if (dir === undefined || rest.length < least || rest.length > most) {
    throw new UsageError(
      `fusewire mount ${kind.usage} was given ${parsed.words.length - 1} words`,
      'see: fusewire mount --help',
    )
  }
  const own = new Map<string, string>()
  const session: Options = {}
  const mountOptions = optionsOf(parsed, kind, own, session)
  for (const option of OWN_OPTIONS) {
    const value = text(parsed, option)
    if (value === undefined) continue
    if (!kind.options.includes(option))
      throw new UsageError(`--${option} means nothing to ${kind.name}`, 'leave it out')
    own.set(option, value)
  }
  const options = {
    fsname: rest[0] ?? kind.name,
    subtype: `fusewire-${kind.name}`,
    ...mountOptions,
    ...session,
  }
  return { kind, words: rest, dir, options, own }
}

/** Takes `-o` apart: options of the mount, of the session, and of the filesystem. */
function optionsOf(parsed: Parsed, kind: Kind, own: Map<string, string>, session: Options): MountOptions {
  const given = (parsed.values.option ?? []) as string[]
  const other = (word: string, value: string | undefined): boolean => {
    if (word === 'entry_timeout') session.entryTimeout = seconds(word, value)
    else if (word === 'attr_timeout') session.attrTimeout = seconds(word, value)
    else if (kind.options.includes(word) && value !== undefined) own.set(word, value)
    else return false
    return true
  }
  return Object.assign({}, ...given.map((text) => parseOptionString(text, other))) as MountOptions
}

function seconds(word: string, value: string | undefined): number {
  const number = Number(value)
  if (value !== undefined && value !== '' && number >= 0 && Number.isFinite(number)) return number
  throw new UsageError(`mount option '${word}' cannot be '${value ?? ''}'`, `write '${word}=SECONDS'`)
}

async function begin(plan: Plan, parsed: Parsed, out: Output): Promise<Mount> {
  const fs = await plan.kind.open(plan.words, plan.dir, plan.own)
  const debug = flag(parsed, 'debug') ? (line: string) => out.warn(line) : undefined
  return mountFs(plan.dir, fs, { ...plan.options, debug, log: (line) => out.warn(line) })
}

function lineOf(plan: Plan, mounted: Mount, json: boolean): string {
  const { mountpoint, method, connectionId } = mounted
  if (json)
    return JSON.stringify({ filesystem: plan.kind.name, mountpoint, method, connectionId, pid: process.pid })
  const source = plan.words[0] === undefined ? '' : ` of ${plan.words[0]}`
  const how = `(${method}, connection ${connectionId ?? 'unknown'}, pid ${process.pid})`
  return shown(`${plan.kind.name}${source} on ${mountpoint} ${how}`)
}

async function serve(plan: Plan, parsed: Parsed, out: Output): Promise<number> {
  const mounted = await begin(plan, parsed, out)
  out.print(lineOf(plan, mounted, flag(parsed, 'json')))
  await mounted.closed
  return EXIT.ok
}

async function serveInBackground(plan: Plan, parsed: Parsed, out: Output): Promise<number> {
  // Whoever started us has left before the mount answered: nobody wants it any more.
  const abandoned = (): never => process.exit(EXIT.failed)
  process.once('disconnect', abandoned)
  let mounted: Mount
  try {
    mounted = await begin(plan, parsed, out)
  } catch (error) {
    process.off('disconnect', abandoned)
    await tell({ error: describeError(error), code: error instanceof UsageError ? EXIT.usage : EXIT.failed })
    return EXIT.failed
  }
  process.off('disconnect', abandoned)
  await tell({ line: lineOf(plan, mounted, flag(parsed, 'json')), code: EXIT.ok })
  await mounted.closed
  return EXIT.ok
}
