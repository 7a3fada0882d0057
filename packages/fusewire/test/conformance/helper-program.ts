/**
 * The system calls of a process of its own, in Python, which has those that Node.js has not. One JSON object a line:
 * `{id, op, args}` in, `{id, result}` or `{id, error}` (an errno) out; paths and data are base64.
 */
export const HELPER_PROGRAM = `
import base64, ctypes, fcntl, json, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
uid, gid, groups, mask = json.loads(sys.argv[1])
if os.getuid() == 0:
    os.setgroups(groups); os.setgid(gid); os.setuid(uid)
os.umask(mask)
out = sys.stdout

def b(text): return base64.b64decode(text)
def t(data): return base64.b64encode(data).decode()
def libcall(name, *args):
    result = getattr(libc, name)(*args)
    if result < 0: raise OSError(ctypes.get_errno(), name)
    return result
def shape(s):
    return [str(s.st_ino), s.st_mode, s.st_nlink, s.st_uid, s.st_gid, s.st_rdev, str(s.st_size), s.st_blocks,
            s.st_blksize, str(s.st_atime_ns), str(s.st_mtime_ns), str(s.st_ctime_ns)]

class Timespec(ctypes.Structure):
    _fields_ = [('sec', ctypes.c_long), ('nsec', ctypes.c_long)]
def timespec(text):
    if text == 'now': return Timespec(0, (1 << 30) - 1)
    if text == 'omit': return Timespec(0, (1 << 30) - 2)
    return Timespec(*divmod(int(text), 10**9))
def utimensat(directory, path, atime, mtime, flags):
    times = (Timespec * 2)(timespec(atime), timespec(mtime))
    libcall('utimensat', directory, path, times, flags)

FLOCK = 'hhqqi4x'
TYPES = {'read': 0, 'write': 1, 'unlock': 2}
def setlk(fd, kind, start, length, wait, flock):
    if flock:
        how = {'read': fcntl.LOCK_SH, 'write': fcntl.LOCK_EX, 'unlock': fcntl.LOCK_UN}[kind]
        fcntl.flock(fd, how | (0 if wait else fcntl.LOCK_NB))
    else:
        fcntl.fcntl(fd, fcntl.F_SETLKW if wait else fcntl.F_SETLK, struct.pack(FLOCK, TYPES[kind], 0, start, length, 0))
def getlk(fd, kind, start, length):
    found = struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, struct.pack(FLOCK, TYPES[kind], 0, start, length, 0)))
    return None if found[0] == 2 else [found[0], found[2], found[3], found[4]]
def rename2(a, c, flags):
    if flags == 0: os.rename(b(a), b(c))
    else: libcall('renameat2', -100, b(a), -100, b(c), flags)
def names(path):
    return [t(name) for name in os.listdir(b(path))]
def entries(path):
    with os.scandir(b(path)) as found:
        return [[t(e.name), e.stat(follow_symlinks=False).st_mode] for e in found]
def read(fd, length, at):
    return t(os.read(fd, length) if at is None else os.pread(fd, length, at))
def write(fd, data, at):
    return os.write(fd, b(data)) if at is None else os.pwrite(fd, b(data), at)
def statfs(path):
    s = os.statvfs(b(path))
    return [s.f_bsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree]
def access(path, mode):
    if not os.access(b(path), mode):
        os.stat(b(path))
        raise OSError(13, 'access')

OPS = {
    'stat': lambda p, follow: shape(os.stat(b(p), follow_symlinks=follow)),
    'fstat': lambda fd: shape(os.fstat(fd)),
    'statfs': statfs, 'access': access, 'names': names, 'entries': entries,
    'mkdir': lambda p, mode: os.mkdir(b(p), mode),
    'rmdir': lambda p: os.rmdir(b(p)),
    'unlink': lambda p: os.unlink(b(p)),
    'rename': rename2,
    'link': lambda a, c: os.link(b(a), b(c), follow_symlinks=False),
    'linkfd': lambda fd, p: libcall('linkat', -100, b'/proc/self/fd/%d' % fd, -100, b(p), 0x400),
    'symlink': lambda target, p: os.symlink(b(target), b(p)),
    'readlink': lambda p: t(os.readlink(b(p))),
    'chmod': lambda p, mode: os.chmod(b(p), mode),
    'fchmod': lambda fd, mode: os.fchmod(fd, mode),
    'chown': lambda p, u, g, follow: os.chown(b(p), u, g, follow_symlinks=follow),
    'fchown': lambda fd, u, g: os.fchown(fd, u, g),
    'truncate': lambda p, size: os.truncate(b(p), size),
    'ftruncate': lambda fd, size: os.ftruncate(fd, size),
    'utimens': lambda p, at, mt, follow: utimensat(-100, b(p), at, mt, 0 if follow else 0x100),
    'futimens': lambda fd, at, mt: utimensat(fd, None, at, mt, 0),
    'open': lambda p, flags, mode: os.open(b(p), flags, mode),
    'close': os.close, 'fsync': os.fsync, 'fdatasync': os.fdatasync, 'lseek': os.lseek,
    'read': read, 'write': write,
    'mknod': lambda p, mode, rdev: os.mknod(b(p), mode, rdev),
    'fallocate': lambda fd, mode, at, n: libcall('fallocate', fd, mode, ctypes.c_long(at), ctypes.c_long(n)),
    'copy': lambda fd, at, to, to_at, n: os.copy_file_range(fd, to, n, at, to_at),
    'setlk': setlk, 'getlk': getlk,
    'getxattr': lambda p, name, follow: t(os.getxattr(b(p), name, follow_symlinks=follow)),
    'setxattr': lambda p, name, v, flags, follow: os.setxattr(b(p), name, b(v), flags, follow_symlinks=follow),
    'listxattr': lambda p, follow: os.listxattr(b(p), follow_symlinks=follow),
    'removexattr': lambda p, name, follow: os.removexattr(b(p), name, follow_symlinks=follow),
}
for line in sys.stdin:
    request = json.loads(line)
    answer = {'id': request['id']}
    try:
        answer['result'] = OPS[request['op']](*request['args'])
    except OSError as error:
        answer['error'] = error.errno
    out.write(json.dumps(answer) + '\\n')
    out.flush()
`
