import {
  checkIsOptions,
  type MountOptions,
  OPTION_KEYS,
  optionError,
  shown,
  unknownOption,
} from '../mount/index.js'
import { SESSION_RANGES, type SessionOptions } from '../session/options.js'

/** Everything that {@link mount} takes: how to mount, and how to serve. Unknown options are an error. */
export interface Options extends MountOptions, Omit<SessionOptions, 'onlyUser'> {
  /**
   * Unmount when the process ends: at `process.exit`, an uncaught error, and at SIGINT, SIGTERM and SIGHUP when the
   * program does not listen to them itself (then the process exits with 0). Default true.
   */
  unmountAtExit?: boolean
}

export interface SplitOptions {
  readonly mount: MountOptions
  readonly session: SessionOptions
  readonly unmountAtExit: boolean
}

const FLAGS = ['writebackCache', 'unmountAtExit'] as const
const FUNCTIONS = ['log', 'debug', 'record'] as const
/** Seconds may have fractions; everything else is counted. */
const SECONDS: ReadonlySet<string> = new Set(['entryTimeout', 'attrTimeout', 'interruptGrace'])
const PAGE = 4096

/** Takes the options apart. @throws MountError EINVAL for an unknown one (with the nearest match) or a wrong value. */
export function splitOptions(options: Options): SplitOptions {
  checkIsOptions(options)
  const known = [...OPTION_KEYS, ...Object.keys(SESSION_RANGES), ...FLAGS, ...FUNCTIONS]
  const mount: Record<string, unknown> = {}
  const session: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(options)) {
    if (!known.includes(key)) throw unknownOption(key, known)
    if (value === undefined) continue
    if ((OPTION_KEYS as readonly string[]).includes(key)) mount[key] = value
    else {
      checkSession(key, value)
      session[key] = value
    }
  }
  const { unmountAtExit = true, ...rest } = session
  return { mount, session: rest, unmountAtExit: unmountAtExit === true }
}

function checkSession(key: string, value: unknown): void {
  if ((FLAGS as readonly string[]).includes(key)) {
    expect(typeof value === 'boolean', key, value, 'true or false')
  } else if ((FUNCTIONS as readonly string[]).includes(key)) {
    expect(typeof value === 'function', key, value, 'a function that takes a line')
  } else checkNumber(key as keyof typeof SESSION_RANGES, value)
}

function checkNumber(key: keyof typeof SESSION_RANGES, value: unknown): void {
  const [min, max] = SESSION_RANGES[key]
  const inside = typeof value === 'number' && value >= min && value <= max
  const kind = SECONDS.has(key) ? 'seconds' : 'a whole number'
  expect(inside && (SECONDS.has(key) || Number.isInteger(value)), key, value, `${kind} from ${min} to ${max}`)
  if (key === 'maxWrite') expect((value as number) % PAGE === 0, key, value, `a multiple of ${PAGE}`)
}

function expect(holds: boolean, key: string, value: unknown, allowed: string): void {
  if (holds) return
  throw optionError(
    `option '${key}' cannot be ${shown(value)}`,
    `the value is not ${allowed}`,
    `give ${allowed}`,
  )
}
