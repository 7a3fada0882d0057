// Writes src/abi/gen/*.ts and test/abi/data/layout.gen.c from the tables of src/abi/spec. `--check` writes nothing and fails when a file is stale.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { layoutAll } from '../src/abi/layout.js'
import { CONSTANT_TABLE, INIT_FLAG_ALIASES, INIT_FLAG_TABLE, PROTOCOL_TABLE } from '../src/abi/spec/flags.js'
import { IOCTL_TABLE, IOCTL_TYPE } from '../src/abi/spec/ioctl.js'
import { NOTIFY_TABLE } from '../src/abi/spec/notify.js'
import { OPCODE_TABLE } from '../src/abi/spec/opcodes.js'
import { STRUCTS } from '../src/abi/spec/structs.js'
import { C_CONSTANTS } from './c-constants.js'
import { emitFlags } from './emit-flags.js'
import { emitLayoutC } from './emit-layout-c.js'
import { emitOpcodes } from './emit-opcodes.js'
import { emitStructs } from './emit-structs.js'

// This file runs as packages/fusewire/dist/scripts/gen.js.
const root = new URL('../../', import.meta.url)
const structs = layoutAll(STRUCTS)
const outputs: { readonly [path: string]: string } = {
  'src/abi/gen/structs.ts': emitStructs(structs),
  'src/abi/gen/opcodes.ts': emitOpcodes(OPCODE_TABLE, structs),
  'src/abi/gen/flags.ts': emitFlags({
    initFlags: INIT_FLAG_TABLE,
    initAliases: INIT_FLAG_ALIASES,
    sets: CONSTANT_TABLE,
    protocol: PROTOCOL_TABLE,
    notify: NOTIFY_TABLE,
    ioctls: IOCTL_TABLE,
    ioctlType: IOCTL_TYPE,
  }),
  'test/abi/data/layout.gen.c': emitLayoutC(structs.values(), C_CONSTANTS),
}

const check = process.argv.includes('--check')
const stale: string[] = []
for (const [path, text] of Object.entries(outputs)) {
  const file = fileURLToPath(new URL(path, root))
  if (current(file) === text) continue
  stale.push(path)
  if (!check) writeFileSync(file, text)
}
if (check && stale.length > 0) {
  console.error(`stale: ${stale.join(', ')}. Run \`npm run gen\` and commit the result.`)
  process.exit(1)
}
console.log(stale.length === 0 ? 'generated files are up to date' : `wrote ${stale.join(', ')}`)

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
