// Serves SRC at MNT in a process of its own, until it is unmounted: `passthrough-server.js SRC MNT [JSON options]`.
import { mount, passthrough } from '../../src/index.js'

const [source = '', point = '', options = '{}'] = process.argv.slice(2)
const mounted = await mount(point, passthrough(source), JSON.parse(options))
process.stdout.write(`mounted by ${mounted.method}\n`)
await mounted.closed
process.stdout.write('ended\n')
