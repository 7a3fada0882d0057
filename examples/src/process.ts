// A process that shows itself, as /proc does: functions, lazy directories, a link.
//   npm run example process ./mnt     then: cat mnt/memory/rss; ls mnt/env; cat mnt/env/HOME
import { directory, mount, symlink, tree } from 'fusewire'

const memory = (field: keyof NodeJS.MemoryUsage) => () => `${process.memoryUsage()[field]}\n`

const fs = tree({
  pid: `${process.pid}\n`,
  uptime: () => `${process.uptime().toFixed(1)}\n`,
  memory: { rss: memory('rss'), heap: memory('heapUsed'), external: memory('external') },
  env: directory(() =>
    Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, `${value}\n`])),
  ),
  exe: symlink(process.execPath),
})

await mount(process.argv[2] ?? './mnt', fs)
