import { type Bench, type Capability, type Case, fails, group } from './case.js'

/** A call on one path; what it needs besides. */
interface PathCall {
  readonly name: string
  readonly needs?: readonly Capability[]
  /** It makes the name, so that a missing one is no error. */
  readonly makes?: boolean
  call(bench: Bench, path: string): Promise<unknown>
}

/** Opens and closes, so that nothing stays open where success was not expected. */
async function open(bench: Bench, path: string, flags: string): Promise<void> {
  await (await bench.fs.open(path, flags)).close()
}

const CALLS: readonly PathCall[] = [
  { name: 'stat', call: ({ fs }, path) => fs.stat(path) },
  { name: 'lstat', call: ({ fs }, path) => fs.lstat(path) },
  { name: 'access', call: ({ fs }, path) => fs.access(path) },
  { name: 'readdir', call: ({ fs }, path) => fs.readdir(path) },
  { name: 'open to read', call: (bench, path) => open(bench, path, 'r') },
  { name: 'open to change', call: (bench, path) => open(bench, path, 'r+') },
  { name: 'open to create', makes: true, call: (bench, path) => open(bench, path, 'w') },
  { name: 'open to create only', makes: true, call: (bench, path) => open(bench, path, 'wx') },
  { name: 'truncate', call: ({ fs }, path) => fs.truncate(path, 0) },
  { name: 'chmod', call: ({ fs }, path) => fs.chmod(path, 0o644) },
  { name: 'chown', needs: ['owners'], call: ({ fs }, path) => fs.chown(path, 0, 0) },
  { name: 'lchown', needs: ['owners'], call: ({ fs }, path) => fs.lchown(path, 0, 0) },
  { name: 'utimes', call: ({ fs }, path) => fs.utimes(path, 1, 1) },
  { name: 'lutimes', call: ({ fs }, path) => fs.lutimes(path, 1, 1) },
  { name: 'mkdir', makes: true, call: ({ fs }, path) => fs.mkdir(path) },
  { name: 'rmdir', call: ({ fs }, path) => fs.rmdir(path) },
  { name: 'unlink', call: ({ fs }, path) => fs.unlink(path) },
  { name: 'symlink', needs: ['symlinks'], makes: true, call: ({ fs }, path) => fs.symlink('x', path) },
  { name: 'readlink', needs: ['symlinks'], call: ({ fs }, path) => fs.readlink(path) },
  { name: 'link from', needs: ['hardLinks'], call: (bench, path) => bench.fs.link(path, bench.at('new')) },
  { name: 'rename from', call: (bench, path) => bench.fs.rename(path, bench.at('new')) },
  {
    name: 'link to',
    needs: ['hardLinks'],
    makes: true,
    call: async (bench, path) => bench.fs.link(await bench.file('old'), path),
  },
  {
    name: 'rename to',
    makes: true,
    call: async (bench, path) => bench.fs.rename(await bench.file('old'), path),
  },
  { name: 'statfs', needs: ['statfs'], call: ({ fs }, path) => fs.statfs(path) },
  {
    name: 'mknod',
    needs: ['posix', 'special'],
    makes: true,
    call: ({ posix }, path) => posix.mknod(path, 0o010644),
  },
  { name: 'getxattr', needs: ['posix', 'xattr'], call: ({ posix }, path) => posix.getxattr(path, 'user.a') },
]

/** One case for each call on such a path. */
function all(
  title: string,
  make: (bench: Bench) => Promise<string> | string,
  code: string,
  needs: Capability[] = [],
): Case[] {
  return group(`errors: ${title} is ${code}`, (add) => {
    for (const { name, needs: own = [], call } of CALLS) {
      add(name, [...own, ...needs], async (bench) => fails(call(bench, await make(bench)), code))
    }
  })
}

const missingName = group('errors: a missing name is ENOENT', (add) => {
  for (const { name, needs = [], makes, call } of CALLS) {
    if (makes !== true) add(name, needs, async (bench) => fails(call(bench, bench.at('none')), 'ENOENT'))
  }
})

/** Kinds of names that may be in the way. */
const KINDS: readonly { name: string; needs: Capability[]; make(bench: Bench): Promise<unknown> }[] = [
  { name: 'a file', needs: [], make: (bench) => bench.file('x', 'there') },
  { name: 'a directory', needs: [], make: (bench) => bench.dir('x') },
  { name: 'a link', needs: ['symlinks'], make: async (bench) => bench.fs.symlink('y', bench.at('x')) },
  {
    name: 'a fifo',
    needs: ['posix', 'special'],
    make: async (bench) => bench.posix.mknod(bench.at('x'), 0o010644),
  },
]

const existing = group('errors: an existing name is EEXIST', (add) => {
  const calls = CALLS.filter(({ name }) =>
    ['mkdir', 'symlink', 'link to', 'open to create only', 'mknod'].includes(name),
  )
  for (const { name, needs = [], call } of calls) {
    for (const kind of KINDS) {
      add(`${name} over ${kind.name}`, [...needs, ...kind.needs], async (bench) => {
        await kind.make(bench)
        await fails(call(bench, bench.at('x')), 'EEXIST')
      })
    }
  }
})

const slashes = group('errors: a slash behind a file', (add) => {
  for (const name of [
    'stat',
    'lstat',
    'access',
    'readdir',
    'open to read',
    'unlink',
    'rename from',
    'truncate',
  ]) {
    const { call } = CALLS.find((one) => one.name === name)!
    add(`${name} is ENOTDIR`, [], async (bench) => fails(call(bench, `${await bench.file('f')}/`), 'ENOTDIR'))
  }
  add('a directory may have one', [], async (bench) => {
    await bench.fs.mkdir(`${bench.at('d')}/`)
    await bench.fs.stat(`${bench.at('d')}///`)
    await bench.fs.rename(`${bench.at('d')}/`, `${bench.at('e')}/`)
    await bench.fs.rmdir(`${bench.at('e')}/`)
  })
  add('a file is not made through one', [], async (bench) => {
    await fails(open(bench, `${bench.at('f')}/`, 'w'), 'EISDIR', 'ENOENT', 'ENOTDIR')
  })
})

const dots = group('errors: "." and ".." at the end', (add) => {
  add('rmdir of "." is EINVAL', [], async (bench) =>
    fails(bench.fs.rmdir(`${await bench.dir('d')}/.`), 'EINVAL'),
  )
  add('rmdir of ".." is ENOTEMPTY', [], async (bench) => {
    await bench.dir('d')
    await fails(bench.fs.rmdir(`${await bench.dir('d/e')}/..`), 'ENOTEMPTY')
  })
  add('mkdir of "." is EEXIST', [], async (bench) => fails(bench.fs.mkdir(`${bench.directory}/.`), 'EEXIST'))
  add('rename of "." is EBUSY', [], async (bench) => {
    await fails(bench.fs.rename(`${await bench.dir('d')}/.`, bench.at('e')), 'EBUSY', 'EINVAL')
  })
  add('unlink of "." is EISDIR', [], async (bench) => {
    await fails(bench.fs.unlink(`${await bench.dir('d')}/.`), 'EISDIR', 'EINVAL', 'EPERM')
  })
  add('stat goes through both', [], async (bench) => {
    await bench.dir('d')
    const direct = await bench.fs.stat(bench.directory)
    const around = await bench.fs.stat(`${bench.at('d')}/../d/./..`)
    if (direct.ino !== around.ino) throw new Error(`inode ${around.ino} where ${direct.ino} is expected`)
  })
})

const long = 'n'.repeat(256)

export const errorCases: readonly Case[] = [
  ...all('a missing directory', (bench) => bench.at('none/x'), 'ENOENT'),
  ...all('a file as a directory', async (bench) => `${await bench.file('f')}/x`, 'ENOTDIR'),
  ...all('a name of 256 bytes', (bench) => bench.at(long), 'ENAMETOOLONG', ['longNames']),
  ...all(
    'a circle of links',
    async (bench) => {
      await bench.fs.symlink('circle', bench.at('circle'))
      return bench.at('circle/x')
    },
    'ELOOP',
    ['symlinks'],
  ),
  ...missingName,
  ...existing,
  ...slashes,
  ...dots,
]
