// A file without an end: every reader gets a stream of its own.
//   npm run example stream ./mnt     then: head -n 3 mnt/ticks; tail -f is not needed, cat follows
import { setTimeout as sleep } from 'node:timers/promises'
import { mount, tree } from 'fusewire'

async function* ticks(): AsyncGenerator<string> {
  for (let i = 1; ; i++) {
    yield `tick ${i}\n`
    await sleep(200)
  }
}

function* countdown(): Generator<string> {
  for (let i = 3; i > 0; i--) yield `${i}\n`
}

await mount(process.argv[2] ?? './mnt', tree({ ticks: () => ticks(), countdown: () => countdown() }))
