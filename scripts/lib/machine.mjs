// What this machine can do for the tests. Nothing here uses fusewire: a broken fusewire must make tests fail,
// it must not make them be skipped.
import { spawnSync } from 'node:child_process'
import { closeSync, lstatSync, mkdtempSync, openSync, readFileSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { which } from './paths.mjs'

/** capability(7): the bit of CAP_SYS_ADMIN, which mount(2) asks for. */
const CAP_SYS_ADMIN = 21
/** No probe takes longer than this many milliseconds. */
const PROBE_TIMEOUT = 10_000

/** Programs by others that tests use, and the Debian package that brings each. */
export const PROGRAM_PACKAGES = {
  chattr: 'e2fsprogs',
  'fsck.exfat': 'exfatprogs',
  'fsck.vfat': 'dosfstools',
  fusermount3: 'fuse3',
  getfacl: 'acl',
  getfattr: 'attr',
  git: 'git',
  mcopy: 'mtools',
  'ntfs-3g': 'ntfs-3g',
  parted: 'parted',
  'qemu-img': 'qemu-utils',
  rsync: 'rsync',
  sfdisk: 'fdisk',
  sgdisk: 'gdisk',
  sqlite3: 'sqlite3',
  'wimlib-imagex': 'wimtools',
}

/** The programs of PROGRAM_PACKAGES that this machine lacks, as [program, package]. */
export function missingPrograms() {
  return Object.entries(PROGRAM_PACKAGES).filter(([program]) => which(program) === null)
}

/** Why this process cannot mount a FUSE filesystem, with the cure; null when it can. */
export function mountBlocker() {
  if (process.platform !== 'linux') return `FUSE mounts need Linux, this is ${process.platform}`
  const device = lstatSync('/dev/fuse', { throwIfNoEntry: false })
  if (device === undefined) {
    return 'no /dev/fuse: load the module with `modprobe fuse`; start a container with `--device /dev/fuse`'
  }
  if (!device.isCharacterDevice()) return '/dev/fuse is not a character device'
  const dir = mkdtempSync(join(tmpdir(), 'fusewire-probe-'))
  try {
    const direct = hasSysAdmin() ? probeMount(dir) : 'no CAP_SYS_ADMIN'
    if (direct === null) return null
    const helper = probeHelper(dir)
    if (helper === null) return null
    return `mount(2): ${direct}; fusermount3: ${helper}`
  } finally {
    rmdirSync(dir)
  }
}

function hasSysAdmin() {
  const bits = /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return ((BigInt(`0x${bits}`) >> BigInt(CAP_SYS_ADMIN)) & 1n) === 1n
}

/** Mounts a dead filesystem with mount(8); nobody serves it, so nothing but umount may touch it. */
function probeMount(/** @type {string} */ dir) {
  let fd
  try {
    fd = openSync('/dev/fuse', 'r+')
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    const cure =
      code === 'EPERM' ? ': the container forbids the device, start it with `--device /dev/fuse`' : ''
    return `cannot open /dev/fuse (${code})${cure}`
  }
  try {
    const options = `fd=3,rootmode=40000,user_id=${process.getuid?.()},group_id=${process.getgid?.()}`
    const args = ['-i', '-t', 'fuse', '-o', options, 'fusewire-probe', dir]
    const mount = spawnSync('mount', args, {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      timeout: PROBE_TIMEOUT,
    })
    if (mount.error) return mount.error.message
    if (mount.status !== 0) return mount.stderr.toString().trim().split('\n').join(' ')
    spawnSync('umount', ['-i', '-l', dir], { timeout: PROBE_TIMEOUT })
    return null
  } finally {
    closeSync(fd)
  }
}

/**
 * Lets fusermount3 mount a dead filesystem. The descriptor that it sends over the socket (a pipe of spawn is a socket
 * pair) is dropped unread, which ends the connection.
 */
function probeHelper(/** @type {string} */ dir) {
  const program = which('fusermount3')
  if (program === null) return 'not installed: `sudo apt-get install fuse3`'
  const mount = spawnSync(program, ['-o', 'fsname=fusewire-probe', '--', dir], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, _FUSE_COMMFD: '3' },
    timeout: PROBE_TIMEOUT,
  })
  if (mount.error) return mount.error.message
  if (mount.status !== 0)
    return `${mount.stderr.toString().trim().split('\n').join(' ')}${helperCure(mount.stderr)}`
  spawnSync(program, ['-u', '-z', '--', dir], { timeout: PROBE_TIMEOUT })
  return null
}

/** What to do about the refusals of fusermount3 that a whole machine shares. */
function helperCure(/** @type {Buffer} */ stderr) {
  const text = stderr.toString()
  if (/failed to open .*Permission denied/.test(text))
    return ' (let users open it: `sudo chmod 0666 /dev/fuse`)'
  if (/Operation not permitted/.test(text)) {
    return ' (it must be setuid root, outside a container without CAP_SYS_ADMIN: `sudo chmod u+s $(which fusermount3)`)'
  }
  return ''
}

/**
 * The FUSE mount points of this mount namespace at or below a folder, read without touching any of them.
 * @param {string} folder
 * @returns {string[]}
 */
export function fuseMountsBelow(folder) {
  const points = []
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    // proc(5): blanks, tabs, line feeds and backslashes in a path are written as octal escapes.
    const point = (left.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, digits) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    )
    if (/^fuse/.test(right) && (point === folder || point.startsWith(`${folder}/`))) points.push(point)
  }
  return points
}
