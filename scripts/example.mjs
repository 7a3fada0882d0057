// Builds and runs one example: npm run example NAME [DIRECTORY] [ARGUMENT ...]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'

const [name, dir = './mnt', ...rest] = process.argv.slice(2)
const names = readdirSync('examples/src').map((file) => basename(file, '.ts'))
if (name === undefined || !names.includes(name)) {
  console.log(`npm run example NAME [DIRECTORY]; NAME is one of: ${names.join(', ')}`)
  process.exit(name === undefined ? 0 : 2)
}
const built = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
if (built.status !== 0) process.exit(built.status ?? 1)
if (!existsSync(dir)) mkdirSync(dir)
const run = spawnSync(process.execPath, [`examples/dist/${name}.js`, dir, ...rest], { stdio: 'inherit' })
process.exit(run.status ?? 1)
