#!/usr/bin/env node
import { run } from './run.js'

// Exit by code and not by process.exit: output to a pipe is then written to its end, and a mount is served on.
process.exitCode = await run(process.argv.slice(2), {
  print: (text) => void process.stdout.write(`${text}\n`),
  warn: (text) => void process.stderr.write(`${text}\n`),
})
