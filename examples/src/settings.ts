// Settings as files: what is written is checked, and a bad value is an error of close(2).
//   npm run example settings ./mnt     then: echo 8080 > mnt/port; echo nonsense > mnt/port; cat mnt/all.json
import { FsError, file, mount, tree } from 'fusewire'

const settings = { port: 80, name: 'server' }

const fs = tree({
  port: file({
    read: () => `${settings.port}\n`,
    write(content) {
      const port = Number(content.toString())
      if (!Number.isInteger(port) || port < 1 || port > 65535)
        throw new FsError('EINVAL', 'a port is 1..65535')
      settings.port = port
    },
  }),
  name: file({
    read: () => `${settings.name}\n`,
    write(content) {
      settings.name = content.toString().trim()
    },
  }),
  'all.json': () => `${JSON.stringify(settings)}\n`,
})

await mount(process.argv[2] ?? './mnt', fs)
