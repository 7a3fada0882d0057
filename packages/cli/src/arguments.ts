import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearest } from 'fusewire'
import { UsageError } from './usage.js'

type OptionsConfig = NonNullable<ParseArgsConfig['options']>

export interface Parsed {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>
  readonly words: readonly string[]
}

/** Takes a command's arguments apart. An unknown option is an error with the nearest match. */
export function parse(command: string, args: readonly string[], options: OptionsConfig): Parsed {
  const all = { ...options, help: { type: 'boolean', short: 'h' }, debug: { type: 'boolean' } } as const
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: all,
      allowPositionals: true,
      strict: true,
    })
    return { values: values as Parsed['values'], words: positionals }
  } catch (error) {
    throw usageOf(command, error as Error & { code?: string }, Object.keys(all))
  }
}

function usageOf(command: string, error: Error & { code?: string }, known: readonly string[]): UsageError {
  const cure = `see: fusewire ${command} --help`
  const option = /'(--?[^' ]+)/.exec(error.message)?.[1]
  if (error.code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION' || option === undefined) {
    return new UsageError(error.message.replace(/\.? To specify .*$/s, ''), cure)
  }
  const near = option.startsWith('--') ? nearest(option.slice(2), known) : undefined
  const hint = near === undefined ? cure : `did you mean --${near}?`
  return new UsageError(`unknown option ${option} of fusewire ${command}`, hint)
}

/** The text of an option that was given, else undefined. */
export function text(parsed: Parsed, name: string): string | undefined {
  const value = parsed.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The whole number of an option within a range. */
export function count(parsed: Parsed, name: string, min: number, max: number): number | undefined {
  const value = text(parsed, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new UsageError(`--${name} cannot be '${value}'`, `give a whole number from ${min} to ${max}`)
  }
  return number
}

export const flag = (parsed: Parsed, name: string): boolean => parsed.values[name] === true
