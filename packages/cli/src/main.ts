#!/usr/bin/env node
import { run } from './run.js'

// The reader of a pipe may leave at any time (`fusewire list | head -1`): what it does not want is not an error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

// Exit by code and not by process.exit: output to a pipe is then written to its end, and a mount is served on.
process.exitCode = await run(process.argv.slice(2), {
  print: (text) => void process.stdout.write(`${text}\n`),
  warn: (text) => void process.stderr.write(`${text}\n`),
})
