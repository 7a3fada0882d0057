/** A command line that cannot be understood: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** What to do about it. */
  readonly cure: string
  constructor(message: string, cure: string) {
    super(message)
    this.cure = cure
  }
}

/** What every command is made of. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** The whole text of `--help`, with examples. */
  readonly help: string
  /** Options as `--name`, for completion. */
  readonly options: readonly string[]
  /** Words that may follow the command, for completion. */
  readonly words: readonly string[]
  /** Does it; resolves with the exit code. */
  run(args: readonly string[], out: Output): Promise<number>
}

/** Where a command writes. */
export interface Output {
  print(text: string): void
  warn(text: string): void
}

/** The exit codes, as `fusewire --help` documents them. */
export const EXIT = {
  ok: 0,
  /** The system refused: mount, unmount, a file that cannot be read. */
  failed: 1,
  /** The command line cannot be understood. */
  usage: 2,
  /** A defect of fusewire itself. */
  defect: 70,
} as const
