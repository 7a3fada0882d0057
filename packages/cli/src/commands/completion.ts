import { type Command, EXIT, UsageError } from '../usage.js'

/** The command that completes these others, and itself. */
export function completionOf(others: readonly Command[]): Command {
  const completion: Command = {
    name: 'completion',
    summary: 'print the completion script for bash or zsh',
    options: [],
    words: ['bash', 'zsh'],
    help: `Usage: fusewire completion bash|zsh

Prints a script that completes commands, options and mount points.

Examples:
  eval "$(fusewire completion bash)"
  fusewire completion zsh > ~/.zfunc/_fusewire`,

    async run(args, out) {
      const [shell, extra] = args
      if (extra !== undefined || (shell !== 'bash' && shell !== 'zsh')) {
        throw new UsageError(`cannot complete for '${args.join(' ')}'`, 'give bash or zsh')
      }
      out.print(shell === 'bash' ? bash(commands) : zsh(commands))
      return EXIT.ok
    },
  }
  const commands = [...others, completion]
  return completion
}

const wordsOf = ({ options, words }: Command): string => [...words, ...options, '--help', '--debug'].join(' ')

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    ${command.name}) words="${wordsOf(command)}" ;;`).join('\n')
  return `_fusewire() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}
    *) words="" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  case "$word" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$word")) ;; esac
}
complete -o filenames -F _fusewire fusewire`
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    '${name}:${summary.replaceAll("'", '')}'`).join('\n')
  const cases = commands.map((command) => `    ${command.name}) compadd -- ${wordsOf(command)} ;;`).join('\n')
  return `#compdef fusewire
_fusewire() {
  local -a commands
  commands=(
${names}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases}
  esac
  _files
}
compdef _fusewire fusewire`
}
