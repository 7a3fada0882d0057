// The smallest filesystem: one file from a literal.
//   npm run example hello ./mnt     then: cat mnt/hello
import { mount, tree } from 'fusewire'

const m = await mount(process.argv[2] ?? './mnt', tree({ hello: 'hello\n' }))
console.log(`serving on ${m.mountpoint}, Ctrl-C ends it`)
