import { mount, passthrough } from 'fusewire'

const [dir, source] = process.argv.slice(2)
await mount(dir!, passthrough(source!), { entryTimeout: 0, attrTimeout: 0 })
process.send?.('ready')
