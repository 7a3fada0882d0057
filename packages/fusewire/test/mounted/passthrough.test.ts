// A passed-through directory on the real kernel: the same commands print the same on it as on a plain directory.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { mount, passthrough } from '../../src/index.js'
import { blocker, Place, shell } from './passthrough-support.js'

/** `as UID GROUPS COMMAND`: an ordinary user without capabilities; the first group is the primary one. */
const AS = `as() { setpriv --reuid=$1 --regid=\${2%%,*} --groups=$2 --inh-caps=-all -- bash -c "$3" 2>&1; }\n`

describe('passthrough, the same as the directory itself', { skip: blocker('setpriv') }, () => {
  let place: Place
  before(async () => {
    place = await Place.make()
  })
  after(() => place.close())
  const same = async (script: string, shows: RegExp): Promise<void> =>
    assert.match(await place.same(AS + script), shows)

  it('files, directories, links and special files', () =>
    same(
      `mkdir -p a/b; echo one > a/b/f; ln a/b/f a/g; ln -s b/f a/l; mkfifo a/p; mknod a/n c 1 3; cat a/l a/g
       printf x > $'a/\\377\\376 \\n'; mv a/b/f a/b/h; rm a/g; rmdir a/b; cat a/n | wc -c
       python3 - <<'P'
import socket; socket.socket(socket.AF_UNIX).bind('a/s')
P
       find a -printf '%P %M %n %l %U %G\\n' | sort; ls -a a | od -c | head -20; stat -c %h a a/b a/b/h`,
      /a\/b: Directory not empty|prw-r--r--/,
    ))

  it('umask and default ACLs of the parent', { skip: blocker('setfacl') }, () =>
    same(
      `umask 077; mkdir u; touch u/f; mkfifo u/p; umask 0; mkdir u0; touch u0/f; umask 022
       mkdir acl; setfacl -d -m u:1000:rwx,g::r-x,o::- acl; chmod 777 acl
       as 1001 1001 'umask 077; echo x > acl/f; mkdir acl/d; umask 0; mkfifo acl/p'
       stat -c '%a %n' u u/* u0 u0/* acl/*; getfacl -cn acl/*`,
      /user:1000:rwx/,
    ),
  )

  it('users, their groups, sticky and set-group-id directories', () =>
    same(
      `mkdir g; chgrp 5000 g; chmod 2770 g
       as 1000 1000,5000 'echo x > g/f; mkdir g/d; umask 002; echo y > g/h'; as 1001 1001 'ls g; cat g/f; echo q > g/new'
       as 1001 1001,7000,5000 'cat g/f; echo more >> g/h; rm g/f'
       mkdir t; chmod 1777 t; as 1000 1000 'echo a > t/a'; as 1001 1001 'rm -f t/a; mv t/a t/b; echo c > t/c'
       echo secret > s; chmod 600 s; as 1000 1000 'cat s; chmod 644 s; chown 1000 s; ln s s2; touch -d 2001-01-01 s'
       find g t s -printf '%P %m %U %G %s\\n' | sort`,
      /d 2755 1000 5000/,
    ))

  it('names cached for one user are not open to another', () =>
    same(
      `mkdir p; chmod 700 p; chown 1000 p; echo x > p/f; chmod 644 p/f
       as 1000 1000 'cat p/f'; as 1001 1001 'cat p/f; stat p/f'; as 1000 1000 'cat p/f'`,
      /Permission denied/,
    ))

  it('set-id bits are cleared by every change of somebody without the right to keep them', () =>
    same(
      `new() { rm -f f; cp /bin/true f; chown 1000:5000 f; chmod 6777 f; stat -c %a f; }
       new; as 1001 1001 'echo >> f; stat -c %a f'; new; as 1001 1001 'truncate -s 5 f; stat -c %a f'
       new; as 1001 1001 ': > f; stat -c %a f'; new; as 1001 1001 'fallocate -l 200000 f; stat -c %a f'
       new; as 1001 1001 'cp --reflink=auto /bin/false f; stat -c %a f'
       new; as 1000 1000,5000 'chown :1000 f; stat -c %a f'; new; echo >> f; stat -c %a f; new; chown 1001 f; stat -c %a f`,
      /777/,
    ))

  it('a change of the owner keeps S_ISGID where the group may not execute, as the caller may', () =>
    same(
      `for m in 6644 6744 6654 6754; do for to in 1001 1001:1001 :1001; do
         echo x > f; chown 1000:5000 f; chmod $m f; chown $to f; stat -c "$m $to %a" f
         echo x > f; chown 1000:5000 f; chmod $m f; as 1000 1000,1001,5000 'chown :1001 f'; stat -c "$m user %a" f
       done; done
       for m in 6644 6654; do echo x > f; chown 1000:1000 f; chmod $m f; as 1000 1000 ': > f'; stat -c "$m cut %a" f; done`,
      /6644 1001 2644/,
    ))

  it('programs that may be executed but not read', () =>
    same(
      `cp /bin/true x; chmod 711 x; as 1000 1000 './x; echo $?; cat x'; chmod 700 x; as 1000 1000 './x; echo $?'`,
      /Permission denied/,
    ))

  it(
    'extended attributes, ACLs, capabilities and file flags',
    {
      skip: blocker('setfattr', 'setfacl', 'setcap', 'chattr'),
    },
    () =>
      same(
        `echo x > f; chmod 600 f; setfattr -n user.a -v 1 f; setfattr -n trusted.t -v 2 f; setfacl -m u:1000:rw f
       getfattr -d -m - f; getfacl -cn f; as 1000 1000 'getfattr -d f; getfattr -d -m trusted f; echo y >> f; cat f'
       as 1001 1001 'cat f; setfattr -n user.b -v 1 f'; setfattr -x user.a f; getfattr -d f; setfacl -b f; stat -c %a f
       ln -s f l; setfattr -h -n trusted.l -v 3 l; getfattr -h -d -m - l; setfattr -n user.big -v "$(head -c 3000 /dev/zero | tr '\\0' x)" f; getfattr -d f | wc -c
       cp /bin/true c; setcap cap_net_raw+ep c; getcap c; echo >> c; getcap c
       chattr +i f; lsattr f | cut -c1-20; rm -f f; echo >> f; chattr -i f; lsattr f | cut -c1-20; rm f`,
        /cap_net_raw/,
      ),
  )

  it('times, to the nanosecond and before 1970', () =>
    same(
      `touch -d '1969-07-20 20:17:40.123456789' f; touch -a -d '2040-01-01 00:00:00.5' f; stat -c '%x %y' f
       touch -m -d @1 f; stat -c '%x %y' f; ln -s f l; touch -h -d @77 l; stat -c %Y l f; as 1000 1000 'touch f; touch -d @5 f'
       chmod 666 f; as 1000 1000 'touch f; echo $?; touch -d @5 f'; test "$(stat -c %W f)" -gt 1000000000 && echo born`,
      /1969-07-20/,
    ))

  it('files of 5 GiB, holes, and space taken in advance', () =>
    same(
      `truncate -s 5G big; printf end | dd of=big bs=1 seek=5368709120 conv=notrunc status=none; stat -c %s big
       tail -c 5 big | od -c; cp --sparse=always big copy; tail -c 5 copy | od -c; stat -c %s copy; test $(stat -c %b copy) -lt 1000 && echo sparse
       fallocate -l 20M al; stat -c '%s %b' al; fallocate -p -o 0 -l 10M al; stat -c %b al; fallocate -z -o 0 -l 1M al; stat -c %s al
       python3 - <<'P'
import os
f=os.open('h',os.O_CREAT|os.O_RDWR); os.pwrite(f,b'x',1<<20); os.ftruncate(f,4<<20)
print(os.lseek(f,0,os.SEEK_DATA),os.lseek(f,(1<<20)+4096,os.SEEK_HOLE))
try: os.lseek(f,3<<20,os.SEEK_DATA)
except OSError as e: print(e.errno)
P`,
      /sparse/,
    ))

  it('unlinked open files, files without a name, renames with flags, mapped and appended writes', () =>
    same(
      `python3 - <<'P'
import os,mmap,ctypes
c=ctypes.CDLL(None,use_errno=True)
def rename2(a,b,f):
    r=c.renameat2(-100,a.encode(),-100,b.encode(),f); return ctypes.get_errno() if r else 0
f=os.open('u',os.O_CREAT|os.O_RDWR); os.write(f,b'abc'); os.unlink('u'); os.fchmod(f,0o640); os.write(f,b'def')
s=os.fstat(f); print(s.st_size,s.st_nlink,oct(s.st_mode),os.pread(f,10,0))
os.mkdir('cwd'); os.chdir('cwd'); os.rmdir('../cwd'); print(os.stat('.').st_nlink)
try: open('x','w')
except OSError as e: print(e.errno)
os.chdir(os.environ['D'])
t=os.open('.',os.O_TMPFILE|os.O_RDWR,0o600); os.write(t,b'tmp'); os.link('/proc/self/fd/%d'%t,'named',follow_symlinks=True); print(open('named').read())
open('a','w').write('A'); open('b','w').write('B'); print(rename2('a','b',1),rename2('a','b',2),open('a').read(),open('b').read())
os.mkdir('d'); print(rename2('d','a',2), os.path.isdir('a'), rename2('a','a/x',0))
g=os.open('m',os.O_CREAT|os.O_RDWR|os.O_APPEND); os.write(g,b'x'*5000); m=mmap.mmap(g,5000); m[10:13]=b'map'; m.flush(); os.write(g,b'tail'); m.close()
d=open('m','rb').read(); print(len(d),d[8:15],d[-6:])
P`,
      /6 0 0o100640 b'abcdef'/,
    ))

  it('directories of 3000 entries, removed while they are read', () =>
    same(
      `mkdir m; cd m; seq 3000 | xargs touch; ls | wc -l; ls -U | head -1500 | xargs rm; ls | wc -l; find . -type f | wc -l
       find . -type f -delete; ls -A | wc -l; cd ..; rmdir m; ls -d m`,
      /1500/,
    ))

  it('locks', () =>
    same(
      `python3 - <<'P'
import os,fcntl,subprocess,sys,time
f=open('k','w+'); fcntl.lockf(f,fcntl.LOCK_EX,10,5)
code='''import fcntl,sys
f=open("k","r+")
try: fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB,10,5); print("had")
except OSError as e: print("errno",e.errno)
fcntl.lockf(f,fcntl.LOCK_EX|fcntl.LOCK_NB,10,15); print("other range"); sys.stdout.flush()
fcntl.lockf(f,fcntl.LOCK_EX,10,5); print("waited")'''
p=subprocess.Popen([sys.executable,'-c',code],stdout=subprocess.PIPE,text=True)
print(p.stdout.readline(),p.stdout.readline()); fcntl.lockf(f,fcntl.LOCK_UN); print(p.communicate()[0])
a=open('k'); b=open('k'); fcntl.flock(a,fcntl.LOCK_SH); fcntl.flock(b,fcntl.LOCK_SH)
try: fcntl.flock(b,fcntl.LOCK_EX|fcntl.LOCK_NB)
except OSError as e: print(e.errno)
import struct
def ofd(f):
    try: fcntl.fcntl(f,37,struct.pack('hhqqi4x',fcntl.F_WRLCK,0,5,1,0)); return 'had'
    except OSError as e: return e.errno
c=open('o','w+'); d=open('o','r+'); print('description',ofd(c),ofd(d)); c.close()
# The release of a file comes a little after its close.
for i in range(200):
    if ofd(d)=='had': print('description had'); break
    time.sleep(0.02)
P`,
      /errno 11[\s\S]*waited[\s\S]*description had 11\ndescription had/,
    ))
})

describe('passthrough and other mounts', { skip: blocker() }, () => {
  it('serves a directory over itself', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fusewire-over-'))
    try {
      await writeFile(join(dir, 'f'), 'below')
      await using mounted = await mount(dir, passthrough(dir))
      assert.ok(mounted.negotiated.features.has('POSIX_ACL'))
      const output = await shell('cd "$D"; cat f; echo new > g; rm f; ls; stat -f -c %T .', { D: dir })
      assert.equal(output, 'belowg\nfuseblk\n')
    } finally {
      assert.equal(await shell('ls "$D"', { D: dir }), 'g\n')
      await rm(dir, { recursive: true })
    }
  })

  it('answers ELOOP where the way leads back into a mount of this process', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'fusewire-loop-'))
    try {
      await mkdir(join(dir, 'mnt'))
      await mkdir(join(dir, 'other'))
      await using _mounted = await mount(join(dir, 'mnt'), passthrough(dir))
      const output = await shell('cd "$D/mnt"; ls; ls mnt; stat -c %F other; ls -l | wc -l', { D: dir })
      assert.match(output, /^mnt\nother\nls: .*mnt.*: Too many levels of symbolic links\ndirectory\n/)
      assert.throws(() => passthrough(join(dir, 'mnt', 'other')), { code: 'ELOOP' })
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  it('shows different inode numbers for different devices below', async () => {
    const place = await Place.make()
    try {
      const output = await shell(
        `cd "$B/source"; mkdir a b; mount -t tmpfs none a; mount -t tmpfs none b; trap 'cd /; umount -l "$B/source/a" "$B/source/b"' EXIT
         echo 1 > a/f; echo 2 > b/f; test $(stat -c %i a/f) = $(stat -c %i b/f) && echo equal below
         cd "$B/mount"; ls -l a b > /dev/null; test $(stat -c %i a/f) = $(stat -c %i b/f) || echo different here
         cat a/f b/f; test $(stat -c %i a/f) = $(ls -i a | cut -d' ' -f1) && echo as listed
         mv a/f b/g && cat b/g; ln b/g a/h; rm b/g; ls a b; cd /`,
        { B: place.base },
      )
      assert.match(
        output,
        /^equal below\ndifferent here\n1\n2\nas listed\n1\nln: .*Invalid cross-device link\na:\n\nb:\nf\n$/,
      )
    } finally {
      await place.close()
    }
  })

  it('goes on when descriptors run out', { skip: blocker('prlimit') }, async () => {
    const place = await Place.make()
    try {
      await place.mounted?.unmount()
      const server = new URL('passthrough-server.js', import.meta.url).pathname
      const output = await shell(
        `prlimit --nofile=96:96 "$NODE" ${server} "$B/source" "$B/mount" > "$B/log" 2>&1 & server=$!
         for i in $(seq 100); do grep -q mounted "$B/log" && break; sleep 0.1; done
         cd "$B/mount"; for d in $(seq 20); do mkdir $d; for f in $(seq 30); do echo $d-$f > $d/$f; done; done
         ls -lR > /dev/null; cat */* | sort | uniq | wc -l
         python3 -c '
import os,errno
files=[]
try:
  for d in range(1,21):
    for f in range(1,31): files.append(open("%d/%d"%(d,f)))
except OSError as e: print(errno.errorcode[e.errno])
print(len(files)>20)'
         cat */* | wc -l; cd /; rm -r "$B/mount"/*; ls "$B/source" | wc -l; umount "$B/mount"; wait $server; cat "$B/log"`,
        { B: place.base, NODE: process.execPath },
      )
      assert.match(output, /^600\n(EMFILE|ENFILE)\nTrue\n600\n0\nmounted by \w+\nended\n$/)
    } finally {
      await shell('umount -l "$B/mount"', { B: place.base })
      await place.close()
    }
  })
})

const userBlocker = blocker('setpriv', 'unshare', 'fusermount3')

describe('passthrough of an ordinary user', { skip: userBlocker }, () => {
  it('serves that user by fusermount3', async () => {
    const base = await mkdtemp(join(tmpdir(), 'fusewire-user-'))
    try {
      const server = new URL('passthrough-server.js', import.meta.url).pathname
      // The device is opened to everybody in a mount namespace of the test's own only.
      const output = await shell(
        `unshare -m bash -c '
         mknod -m 666 "$B/fuse" c 10 229; mount --bind "$B/fuse" /dev/fuse; mkdir "$B/s" "$B/m"; chmod 755 "$B"; chown 1000:1000 "$B/s" "$B/m"
         echo root > "$B/s/r"; chmod 600 "$B/s/r"
         cat > "$B/user" <<"S"
         cd "$B"; "$NODE" ${server} s m > "$B/s/log" 2>&1 & server=$!
         for i in $(seq 100); do grep -q mounted s/log && break; sleep 0.1; done
         cd m; umask 027; mkdir d; echo x > d/f; ln d/f d/g; ln -s f d/l; cat d/l r; chown 1001 d/f; mv d e; stat -c "%a %u %g %h %n" e e/*
         ls -l e | wc -l; setfattr -n user.k -v 1 e/f; getfattr -d e/f; rm -r e; cd ..; fusermount3 -u m; wait $server; cat s/log
S
         setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all bash "$B/user"; ls "$B/s"; umount /dev/fuse'`,
        { B: base, NODE: process.execPath },
      )
      assert.match(
        output,
        /^x\ncat: r: Permission denied\nchown: .*Operation not permitted\n750 1000 1000 2 e\n640 1000 1000 2 e\/f\n/,
      )
      assert.match(output, /mounted by fusermount3\nended\nlog\nr\n$/)
    } finally {
      await rm(base, { recursive: true, force: true })
    }
  })
})
