import { unmount } from 'fusewire'
import { count, flag, parse } from '../arguments.js'
import { describeError } from '../errors.js'
import { type Command, EXIT, UsageError } from '../usage.js'

const LONGEST_S = 3600

export const umount: Command = {
  name: 'umount',
  summary: 'take a FUSE mount off, also a dead or hung one',
  options: ['--lazy', '--force', '--timeout', '--json'],
  words: [],
  help: `Usage: fusewire umount [OPTION ...] DIR ...

Takes FUSE mounts off. The mount itself is never touched, so this works on dead
("Transport endpoint is not connected") and hung ones. A mount in use is an error that
names who uses it. Of several all are tried; the exit code is 1 when one stays.

Options:
  -z, --lazy          detach now, end when the last user leaves
  -f, --force         end the connection first: who waits gets an error, unwritten data is lost
      --timeout S     seconds for each, 1 to ${LONGEST_S} (default 10)
      --json          print {"unmounted": [...]} when done

Examples:
  fusewire umount ./mnt
  fusewire umount --force /mnt/hung`,

  async run(args, out) {
    const parsed = parse('umount', args, {
      lazy: { type: 'boolean', short: 'z' },
      force: { type: 'boolean', short: 'f' },
      timeout: { type: 'string' },
      json: { type: 'boolean' },
    })
    if (parsed.words.length === 0)
      throw new UsageError('no mount point was given', 'give one: fusewire umount DIR')
    const timeout = (count(parsed, 'timeout', 1, LONGEST_S) ?? 10) * 1000
    const unmounted: string[] = []
    for (const dir of parsed.words) {
      try {
        await unmount(dir, { lazy: flag(parsed, 'lazy'), force: flag(parsed, 'force'), timeout })
        unmounted.push(dir)
      } catch (error) {
        // One that stays does not keep the others.
        if (parsed.words.length === 1) throw error
        out.warn(`fusewire: ${describeError(error)}`)
      }
    }
    if (flag(parsed, 'json')) out.print(JSON.stringify({ unmounted }))
    return unmounted.length === parsed.words.length ? EXIT.ok : EXIT.failed
  },
}
