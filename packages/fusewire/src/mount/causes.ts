// Why a call of mounting failed, in words, and what to do. Everything is read from /proc and the mount table.
import { existsSync, readFileSync } from 'node:fs'
import { errno, errnoName } from '../abi/errno.js'
import { MountError, StepError } from './errors.js'
import { MountTable } from './mountinfo.js'
import type { CheckedOptions } from './options.js'

/** A likely cause and its cure, each the part of a sentence. */
export interface Cause {
  readonly cause: string
  readonly cure: string
}

/** What failed, for the search of its cause. */
export interface Failure {
  readonly step: string
  readonly errno: number
  readonly log: readonly string[]
}

/** CAP_SYS_ADMIN of linux/capability.h. */
const CAP_SYS_ADMIN = 21n

interface Rights {
  readonly admin: boolean
  /** A set-user-id root program could get CAP_SYS_ADMIN. */
  readonly bounded: boolean
  readonly noNewPrivs: boolean
  readonly seccomp: boolean
  readonly ownUserNamespace: boolean
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function rights(): Rights {
  const status = read('/proc/self/status')
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1] ?? '0'
  const admin = (name: string) => ((BigInt(`0x${field(name)}`) >> CAP_SYS_ADMIN) & 1n) === 1n
  return {
    admin: admin('CapEff'),
    bounded: admin('CapBnd'),
    noNewPrivs: field('NoNewPrivs') === '1',
    seccomp: field('Seccomp') !== '0',
    // The first user namespace maps every id to itself.
    ownUserNamespace: !/^\s*0\s+0\s+4294967295\s*$/.test(read('/proc/self/uid_map')),
  }
}

const NO_DESCRIPTOR: Cause = {
  cause: 'no descriptor is left',
  cure: 'close some, or raise the limit (ulimit -n)',
}

/** Runs `walk`; a step of it that fails becomes the MountError of the path. */
export async function explainPath<Result>(
  what: string,
  path: string,
  walk: () => Promise<Result>,
): Promise<Result> {
  try {
    return await walk()
  } catch (error) {
    if (!(error instanceof StepError)) throw error
    throw new MountError({ what, errno: error.errno, step: error.step, ...causeOfPath(error, path, what) })
  }
}

/** The cause of a failure of the mount point's own path. */
function causeOfPath(failure: Failure, path: string, what: string): Cause {
  if (failure.step.startsWith('read /proc') && failure.errno !== errno.EMFILE) {
    return { cause: 'the table of mounts cannot be read', cure: 'mount proc on /proc' }
  }
  if (failure.step === 'getcwd') {
    return { cause: 'the working directory was removed', cure: 'give an absolute path' }
  }
  switch (failure.errno) {
    case errno.ENOENT:
      return {
        cause: 'the mount point does not exist',
        cure: what.startsWith('cannot mount')
          ? `create it first: mkdir -p ${quote(path)}`
          : 'check the path; fusewire list shows what is mounted',
      }
    case errno.ENOTDIR:
      return {
        cause: 'a part of the path is not a directory',
        cure: 'give the path of an existing directory',
      }
    case errno.EACCES:
      return {
        cause: 'a directory on the way may not be searched by this user',
        cure: 'choose a mount point of your own, or ask its owner for the x permission',
      }
    case errno.ELOOP:
      return {
        cause: 'the path runs through a loop of symlinks',
        cure: 'repair the symlinks (namei -l shows them)',
      }
    case errno.ENAMETOOLONG:
      return {
        cause: 'the path is too long',
        cure: 'choose a path below 4096 bytes with names up to 255 bytes',
      }
    case errno.ENOTCONN:
      return {
        cause: 'a directory on the way lies in a FUSE filesystem whose daemon is dead',
        cure: 'unmount that one first (fusewire list shows it)',
      }
    case errno.ETIMEDOUT:
      return {
        cause: 'the path leads through a filesystem that does not answer',
        cure: 'see fusewire list for the hung one, and unmount it with force',
      }
    default:
      return {
        cause: `the mount point cannot be examined (${errnoName(failure.errno)})`,
        cure: 'look at its path',
      }
  }
}

function quote(path: string): string {
  return /^[\w./+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

/** The cause of a failed call of one of the ways. */
export function causeOfCall(failure: Failure, options: CheckedOptions, mountpoint: string): Cause {
  const log = failure.log.join('; ')
  if (failure.step === 'open') return causeOfDevice(failure.errno, options.device)
  if (failure.step === 'find fusermount3') return causeOfNoHelper(options)
  if (failure.step === 'fusermount3' || failure.step === 'spawn') return causeOfHelper(failure, log, options)
  if (failure.errno === errno.EPERM) return causeOfPermission()
  if (failure.errno === errno.ETIMEDOUT) {
    return {
      cause: `it did not come back within ${options.timeout} ms`,
      cure: 'look for a hung filesystem on the way (fusewire list), or give a longer timeout',
    }
  }
  return causeOfErrno(failure.errno, log, mountpoint)
}

function causeOfErrno(number: number, log: string, mountpoint: string): Cause {
  const words = log === '' ? '' : `: ${log}`
  switch (number) {
    case errno.ENODEV:
      return { cause: 'this kernel has no FUSE filesystem', cure: 'load the module: modprobe fuse' }
    case errno.ENOENT:
      return {
        cause: 'the mount point was removed meanwhile',
        cure: `create it again: mkdir -p ${quote(mountpoint)}`,
      }
    case errno.ENOTDIR:
      return {
        cause: "the mount point and the filesystem's root are not of the same type",
        cure: "set rootType to 'file' for a mount point that is a file, else leave it out",
      }
    case errno.EBUSY:
      return { cause: 'the same filesystem is mounted there already', cure: 'unmount it first' }
    case errno.ENOSPC:
      return {
        cause: 'the mount namespace holds as many mounts as it may',
        cure: 'unmount what is not needed, or raise the sysctl fs.mount-max',
      }
    case errno.EMFILE:
    case errno.ENFILE:
      return NO_DESCRIPTOR
    case errno.EINVAL:
      return {
        cause: `the kernel refused an option${words === '' ? ', or the device was opened in another user namespace' : words}`,
        cure:
          log === ''
            ? 'dmesg may name the option; open the device in the namespace that mounts'
            : 'correct it',
      }
    default:
      return { cause: `the kernel refused it${words}`, cure: `see ${errnoName(number)} in mount(2)` }
  }
}

function causeOfDevice(number: number, device: string): Cause {
  const container = 'in a container: docker run --device /dev/fuse --cap-add SYS_ADMIN'
  switch (number) {
    case errno.ENOENT:
      return { cause: `there is no ${device}`, cure: `load the module (modprobe fuse), or ${container}` }
    case errno.ENODEV:
    case errno.ENXIO:
      return { cause: `${device} has no driver`, cure: 'load the module: modprobe fuse' }
    case errno.EACCES:
      return {
        cause: `${device} may not be opened by this user, or lies on a mount with nodev`,
        cure: `give access (chmod 666 ${device}, the usual mode), or use a /dev that is mounted without nodev`,
      }
    case errno.EPERM:
      return { cause: `the device policy of this cgroup forbids ${device}`, cure: container }
    case errno.EMFILE:
    case errno.ENFILE:
      return NO_DESCRIPTOR
    default:
      return { cause: `${device} cannot be opened`, cure: `look at it: ls -l ${device}` }
  }
}

function causeOfNoHelper(options: CheckedOptions): Cause {
  if (options.helper !== undefined) {
    return { cause: `${options.helper} cannot be run`, cure: 'give the path of an installed fusermount3' }
  }
  // Root that may not mount is root of a container; there fusermount3 would be refused as well.
  if (process.getuid?.() === 0 && !options.autoUnmount) return causeOfPermission()
  return {
    cause: `${options.autoUnmount ? 'autoUnmount' : 'mounting as a user'} needs fusermount3, and it is not installed`,
    cure: 'install it (Debian and Ubuntu: apt-get install fuse3; Alpine: apk add fuse3), or mount as root',
  }
}

function causeOfPermission(): Cause {
  const own = rights()
  if (!own.admin) {
    return {
      cause: 'this process has no CAP_SYS_ADMIN',
      cure: 'install fusermount3 and mount by it, mount as root, or run the container with --cap-add SYS_ADMIN',
    }
  }
  if (own.seccomp) {
    return {
      cause: 'a seccomp filter forbids mounting',
      cure: 'run with a filter that allows mount and fsopen (docker: --security-opt seccomp=unconfined)',
    }
  }
  if (own.ownUserNamespace) {
    return {
      cause: 'the mount namespace belongs to another user namespace',
      cure: 'make an own mount namespace too: unshare -Urm',
    }
  }
  return {
    cause: 'a security module forbids it',
    cure: 'look into dmesg or the audit log (docker: --security-opt apparmor=unconfined)',
  }
}

function causeOfHelper(failure: Failure, log: string, options: CheckedOptions): Cause {
  const words = log === '' ? 'fusermount3 refused' : `fusermount3: ${log}`
  if (failure.step === 'spawn') return { cause: 'fusermount3 cannot be started', cure: 'install it anew' }
  if (failure.errno === errno.ETIMEDOUT) {
    return { cause: 'fusermount3 did not finish in time and was ended', cure: 'try it by hand' }
  }
  if (/mount failed: Operation not permitted/.test(log)) return causeOfHelperRights(options)
  if (/user_allow_other/.test(log)) {
    return {
      cause: words,
      cure: existsSync('/etc/fuse.conf')
        ? "root must put the line 'user_allow_other' into /etc/fuse.conf; or leave allowOther and allowRoot out"
        : "root must create /etc/fuse.conf with the line 'user_allow_other'; or leave allowOther and allowRoot out",
    }
  }
  if (/no write access/.test(log)) return { cause: words, cure: 'choose a mount point that you may write to' }
  if (/not owned by user/.test(log)) {
    return {
      cause: words,
      cure: 'choose a mount point of your own: this directory is sticky and of another user',
    }
  }
  if (/too many FUSE/.test(log)) return { cause: words, cure: 'unmount some, or let root raise mount_max' }
  if (/is forbidden/.test(log))
    return { cause: words, cure: 'choose a mount point on a disk or tmpfs filesystem' }
  if (/failed to open|device not found/.test(log))
    return { cause: words, cure: causeOfDevice(failure.errno, '/dev/fuse').cure }
  return { cause: words, cure: 'the text of fusermount3 names the reason' }
}

/** fusermount3 says the same five words for six causes. */
function causeOfHelperRights(options: CheckedOptions): Cause {
  const own = rights()
  const says = 'fusermount3 may not mount either'
  if (own.noNewPrivs) {
    return {
      cause: `${says}: this process runs with no_new_privs, so set-user-id programs gain nothing`,
      cure: 'run it without no_new_privs (systemd: NoNewPrivileges=no), or mount as root',
    }
  }
  if (own.ownUserNamespace) {
    return {
      cause: `${says}: this is another user namespace than that of the mount namespace`,
      cure: 'make an own mount namespace too: unshare -Urm',
    }
  }
  if (helperOnNosuid(options.helper ?? '/usr/bin/fusermount3')) {
    return { cause: `${says}: it lies on a mount with nosuid`, cure: 'put it on a mount without nosuid' }
  }
  if (own.seccomp) {
    return { cause: `${says}: a seccomp filter forbids it`, cure: 'run with a filter that allows mount' }
  }
  if (!own.bounded) {
    return {
      cause: `${says}: this container has no CAP_SYS_ADMIN`,
      cure: 'run the container with --cap-add SYS_ADMIN --device /dev/fuse',
    }
  }
  return {
    cause: `${says}: it has lost its set-user-id bit`,
    cure: 'chown root and chmod 4755 it, or install fuse3 anew',
  }
}

function helperOnNosuid(path: string): boolean {
  try {
    return MountTable.read().containing(path)?.flags.includes('nosuid') ?? false
  } catch {
    return false
  }
}
