// Mount options as mount(8), fstab and `-o` spell them: `ro,fsname=a\,b,max_read=65536`.
import {
  checkOption,
  type MountOptions,
  OPTION_KEYS,
  OPTION_RULES,
  type OptionKey,
  optionError,
  unknownOption,
} from './options.js'

/** Options for fstab, mount(8) and old programs; they say nothing to a FUSE mount. `nonempty` is always allowed. */
const WITHOUT_MEANING = new Set([
  ...[
    'defaults',
    'auto',
    'noauto',
    'nofail',
    '_netdev',
    'user',
    'users',
    'nouser',
    'owner',
    'group',
    'nonempty',
  ],
  // Access times are the filesystem's own business: the kernel keeps none of a FUSE inode (S_NOATIME in `fuse_iget`).
  ...['relatime', 'norelatime', 'strictatime', 'nostrictatime', 'lazytime', 'nolazytime'],
])

interface Spelled {
  readonly key: OptionKey
  /** The value that a bare word stands for; undefined where `word=value` is meant. */
  readonly value: boolean | undefined
}

const WORDS: ReadonlyMap<string, Spelled> = new Map(OPTION_KEYS.flatMap(spellings))

function spellings(key: OptionKey): [string, Spelled][] {
  const rule = OPTION_RULES[key]
  if (rule.kind !== 'flag') return rule.word === undefined ? [] : [[rule.word, { key, value: undefined }]]
  const words: [string, Spelled][] = []
  if (rule.on !== undefined) words.push([rule.on, { key, value: true }])
  if (rule.off !== undefined) words.push([rule.off, { key, value: false }])
  return words
}

/**
 * Splits at commas. A backslash takes the next character as it is (`\,` is a comma) or, before three octal digits up to
 * 377, stands for that byte, as libfuse reads them. Empty items are left out.
 */
export function splitOptionString(text: string): string[] {
  const items: string[] = []
  let item: number[] = []
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte === COMMA) {
      if (item.length > 0) items.push(Buffer.from(item).toString())
      item = []
    } else if (byte === BACKSLASH && i + 1 < bytes.length) {
      const octal = /^[0-3][0-7]{2}/.exec(bytes.toString('latin1', i + 1, i + 4))?.[0]
      item.push(octal === undefined ? (bytes[i + 1] ?? 0) : parseInt(octal, 8))
      i += octal === undefined ? 1 : 3
    } else {
      item.push(byte)
    }
  }
  if (item.length > 0) items.push(Buffer.from(item).toString())
  return items
}

const COMMA = 0x2c
const BACKSLASH = 0x5c

/** Escapes a value so that {@link splitOptionString} and fusermount3 give it back. */
export function escapeOptionValue(value: string): string {
  // The helper of libfuse 3.17 takes whatever stands between a comma, even an escaped one, and the next as an `x-`
  // option for mtab when it begins so; an escaped `x` hides it. Digits would read as an octal escape: they never are
  // escaped here.
  return value.replace(/[\\,]/g, '\\$&').replace(/,x/g, ',\\x')
}

/**
 * Parses what stands behind `-o`. Of an option given twice the last counts.
 * @param other called for a word that is no option of a mount (`size=1G` of a filesystem); true means taken.
 * @throws MountError EINVAL for an unknown option or a bad value.
 */
export function parseOptionString(
  text: string,
  other: (word: string, value: string | undefined) => boolean = () => false,
): MountOptions {
  const options: Record<string, unknown> = {}
  for (const item of splitOptionString(text)) {
    const equals = item.indexOf('=')
    const word = equals < 0 ? item : item.slice(0, equals)
    const value = equals < 0 ? undefined : item.slice(equals + 1)
    const spelled = WORDS.get(word)
    if (spelled) options[spelled.key] = readValue(word, value, spelled)
    else if (!WITHOUT_MEANING.has(word) && !word.startsWith('x-') && !other(word, value)) {
      throw unknownOption(word, [...WORDS.keys()])
    }
  }
  return options
}

function readValue(word: string, value: string | undefined, spelled: Spelled): unknown {
  if (spelled.value !== undefined) {
    if (value === undefined) return spelled.value
    throw optionError(
      `mount option '${word}' cannot be '${value}'`,
      'it takes no value',
      `write just '${word}'`,
    )
  }
  if (value === undefined) {
    throw optionError(`mount option '${word}' stands alone`, 'it needs a value', `write '${word}=VALUE'`)
  }
  const number = OPTION_RULES[spelled.key].kind === 'number'
  const typed = number && /^\d{1,15}$/.test(value) ? Number(value) : value
  checkOption(spelled.key, typed, word)
  return typed
}

/** Spells options for `-o`; the inverse of {@link parseOptionString} for all that `-o` can spell. */
export function formatOptionString(options: MountOptions): string {
  const words: string[] = []
  for (const key of OPTION_KEYS) {
    const rule = OPTION_RULES[key]
    const value = options[key]
    if (value === undefined) continue
    if (rule.kind === 'flag') {
      const word = value ? rule.on : rule.off
      if (word !== undefined) words.push(word)
    } else if (rule.word !== undefined) {
      words.push(`${rule.word}=${escapeOptionValue(String(value))}`)
    }
  }
  return words.join(',')
}
