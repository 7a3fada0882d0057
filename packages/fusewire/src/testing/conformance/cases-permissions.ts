import assert from 'node:assert/strict'
import type { PosixFs } from '../posix-fs.js'
import { type Bench, type Capability, type Case, fails, group, type User } from './case.js'

const OWNER: User = { uid: 1001, gid: 1001 }
const MEMBER: User = { uid: 1002, gid: 1002, groups: [1001] }
const OTHER: User = { uid: 1003, gid: 1003 }

const NEEDS: readonly Capability[] = ['posix', 'users', 'modes', 'owners']

/** A file of OWNER's with that mode; the directory lets everybody in. */
async function owned(bench: Bench, mode: number): Promise<string> {
  await bench.fs.chmod(bench.directory, 0o777)
  const path = await bench.file('f', 'content')
  await bench.fs.chown(path, OWNER.uid, OWNER.gid)
  await bench.fs.chmod(path, mode)
  return path
}

const opened = async (fs: PosixFs, path: string, flags: string): Promise<void> =>
  (await fs.open(path, flags)).close()

const files = group('permissions: files', (add) => {
  const users: readonly [string, User, number][] = [
    ['the owner', OWNER, 6],
    ['a member of the group', MEMBER, 3],
    ['somebody else', OTHER, 0],
  ]
  for (const [title, user, shift] of users) {
    for (const [bits, flags] of [
      [4, 'r'],
      [2, 'a'],
      [6, 'r+'],
    ] as const) {
      add(`${title} may open with ${flags} by his own bits only`, NEEDS, async (bench) => {
        const path = await owned(bench, bits << shift)
        const fs = await bench.as(user)
        await opened(fs, path, flags)
        await bench.fs.chmod(path, 0o777 & ~(7 << shift))
        await fails(opened(fs, path, flags), 'EACCES')
      })
    }
  }
  add('root may read and write without any bit', ['modes'], async (bench) => {
    const path = await bench.file('f', 'x')
    await bench.fs.chmod(path, 0)
    await bench.fs.appendFile(path, 'y')
    assert.equal(await bench.text('f'), 'xy')
  })
  add('access tells the bits', NEEDS, async (bench) => {
    const path = await owned(bench, 0o640)
    const [owner, member, other] = [await bench.as(OWNER), await bench.as(MEMBER), await bench.as(OTHER)]
    await owner.access(path, 6)
    await fails(owner.access(path, 1), 'EACCES')
    await member.access(path, 4)
    await fails(member.access(path, 2), 'EACCES')
    await other.access(path, 0)
    await fails(other.access(path, 4), 'EACCES')
  })
  add('only the owner changes mode, times and owner', NEEDS, async (bench) => {
    const path = await owned(bench, 0o666)
    const [owner, other] = [await bench.as(OWNER), await bench.as(OTHER)]
    await fails(other.chmod(path, 0o777), 'EPERM')
    await fails(other.utimes(path, 1, 1), 'EPERM')
    await fails(other.chown(path, OTHER.uid, OTHER.gid), 'EPERM')
    await owner.chmod(path, 0o600)
    await owner.utimes(path, 1, 1)
    await fails(owner.chown(path, OTHER.uid, -1), 'EPERM')
  })
  add('the owner gives his file to his groups only', NEEDS, async (bench) => {
    const path = await owned(bench, 0o644)
    const owner = await bench.as({ ...OWNER, groups: [5000] })
    await owner.chown(path, -1, 5000)
    await fails(owner.chown(path, -1, 6000), 'EPERM')
    assert.equal((await bench.fs.stat(path)).gid, 5000)
  })
  add('a writer may set the times to the present, not to others', NEEDS, async (bench) => {
    const path = await owned(bench, 0o666)
    const other = await bench.as(OTHER)
    await other.utimensat(path, 'now', 'now')
    await fails(other.utimensat(path, 1n, 1n), 'EPERM')
    await bench.fs.chmod(path, 0o644)
    await fails(other.utimensat(path, 'now', 'now'), 'EACCES')
  })
  add('truncate needs the right to write', NEEDS, async (bench) => {
    const path = await owned(bench, 0o644)
    await fails((await bench.as(OTHER)).truncate(path, 0), 'EACCES')
    assert.equal(await bench.text('f'), 'content')
    await (await bench.as(OWNER)).truncate(path, 1)
  })
  add('a write by somebody else takes the set-id bits', [...NEEDS, 'exactModes'], async (bench) => {
    const path = await owned(bench, 0o6777)
    await (await bench.as(OTHER)).appendFile(path, 'x')
    assert.equal((await bench.fs.stat(path)).mode & 0o6000, 0)
  })
  add('a set-group-id of a group that is not his is taken', [...NEEDS, 'exactModes'], async (bench) => {
    const path = await owned(bench, 0o644)
    await bench.fs.chown(path, OWNER.uid, 7000)
    await (await bench.as(OWNER)).chmod(path, 0o2755)
    assert.equal((await bench.fs.stat(path)).mode & 0o7777, 0o755)
  })
})

const directories = group('permissions: directories', (add) => {
  /** A directory of OWNER's with a file in it. */
  const prepare = async (bench: Bench, mode: number): Promise<string> => {
    await bench.fs.chmod(bench.directory, 0o777)
    const path = await bench.dir('d')
    await bench.file('d/f', 'inside')
    await bench.fs.chown(bench.at('d/f'), OTHER.uid, OTHER.gid)
    await bench.fs.chown(path, OWNER.uid, OWNER.gid)
    await bench.fs.chmod(path, mode)
    return path
  }
  add('without x nothing inside can be reached', NEEDS, async (bench) => {
    const path = await prepare(bench, 0o666)
    const other = await bench.as(OTHER)
    await fails(other.stat(`${path}/f`), 'EACCES')
    await fails(other.readFile(`${path}/f`), 'EACCES')
    await fails(other.unlink(`${path}/f`), 'EACCES')
  })
  add('without r it cannot be listed, with x what is known can be reached', NEEDS, async (bench) => {
    const path = await prepare(bench, 0o711)
    const other = await bench.as(OTHER)
    await fails(other.readdir(path), 'EACCES')
    assert.equal((await other.readFile(`${path}/f`)).toString(), 'inside')
  })
  const changes: readonly [string, Capability[], (fs: PosixFs, path: string) => Promise<unknown>][] = [
    ['a file cannot be made', [], (fs, path) => fs.writeFile(`${path}/new`, '')],
    ['a directory cannot be made', [], (fs, path) => fs.mkdir(`${path}/new`)],
    ['a link cannot be made', ['symlinks'], (fs, path) => fs.symlink('x', `${path}/new`)],
    ['a name cannot be removed', [], (fs, path) => fs.unlink(`${path}/f`)],
    ['a name cannot be changed', [], (fs, path) => fs.rename(`${path}/f`, `${path}/g`)],
  ]
  for (const [title, needs, change] of changes) {
    add(`without w ${title}`, [...NEEDS, ...needs], async (bench) => {
      const path = await prepare(bench, 0o755)
      await fails(change(await bench.as(OTHER), path), 'EACCES')
      await bench.fs.chmod(path, 0o777)
      await change(await bench.as(OTHER), path)
    })
  }
  add('in a sticky directory only the owners remove a name', [...NEEDS, 'exactModes'], async (bench) => {
    const path = await prepare(bench, 0o1777)
    const member = await bench.as(MEMBER)
    await fails(member.unlink(`${path}/f`), 'EPERM', 'EACCES')
    await fails(member.rename(`${path}/f`, `${path}/g`), 'EPERM', 'EACCES')
    await (await bench.as(OTHER)).rename(`${path}/f`, `${path}/g`)
    await (await bench.as(OWNER)).unlink(`${path}/g`)
  })
  add('what somebody makes is his, less his umask', NEEDS, async (bench) => {
    const path = await prepare(bench, 0o777)
    const user = await bench.as({ ...MEMBER, umask: 0o027 })
    await user.mkdir(`${path}/dir`)
    await user.writeFile(`${path}/file`, '')
    const [dir, file] = [await bench.fs.stat(`${path}/dir`), await bench.fs.stat(`${path}/file`)]
    assert.deepEqual([dir.uid, dir.gid, dir.mode & 0o777], [MEMBER.uid, MEMBER.gid, 0o750])
    assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [MEMBER.uid, MEMBER.gid, 0o640])
  })
  add('a search right that is taken is gone at once', NEEDS, async (bench) => {
    const path = await prepare(bench, 0o755)
    const other = await bench.as(OTHER)
    await other.stat(`${path}/f`)
    await bench.fs.chmod(path, 0o700)
    await fails(other.stat(`${path}/f`), 'EACCES')
    await bench.fs.chmod(path, 0o755)
    await other.stat(`${path}/f`)
  })
})

export const permissionCases: readonly Case[] = [...files, ...directories]
