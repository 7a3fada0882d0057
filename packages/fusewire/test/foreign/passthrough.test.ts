// Programs written by others on a passed-through directory: their outcome is that on the directory itself.
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { blocker, Place, shell } from '../mounted/passthrough-support.js'

/** Everything that a copy must keep, one line a file; then xattrs, ACLs and which names are one file. */
const MANIFEST = `manifest() { (cd "$1"
  find . -mindepth 1 -printf '%P %M %U %G %n %s %T@ %l\\n' | grep -v ' d' | sort
  find . -mindepth 1 -type d -printf '%P %M %U %G %T@\\n' | sort
  find . -type f -print0 | sort -z | xargs -0 -r sha256sum
  find . -links +1 -type f -printf '%i %P\\n' | sort | awk '{ if (!($1 in n)) n[$1] = $2; print n[$1], $2 }' | sort
  getfattr -h -R -d -m - . 2>/dev/null | grep -v '^$'; getfacl -R -n . 2>/dev/null) }\n`

/** A tree with all that tar and rsync can carry. */
const SAMPLE = `mkdir -p sample/d/e; cd sample
  for i in $(seq 40); do head -c $((i * 997)) /dev/urandom > d/f$i; done; ln d/f1 hard; ln d/f1 d/e/hard; ln -s d/f2 soft; ln -s nowhere broken
  mkfifo fifo; mknod null c 1 3; mknod blk b 7 200; truncate -s 3M sparse; printf x | dd of=sparse bs=1 seek=2000000 conv=notrunc status=none
  printf bytes > $'d/\\377\\376name'; touch -d '2001-02-03 04:05:06.789012345' d/f3; touch -h -d @12345 soft; chown 1000:5000 d/f4; chmod 4755 d/f5; chmod 2770 d/e; chmod 0000 d/f6
  setfattr -n user.note -v hello d/f7; setfattr -n trusted.x -v y d/f8; setfacl -m u:1000:rw,g:5000:r d/f9; setfacl -d -m u:1001:rwx d/e
  touch -h -d @2000000 broken fifo null blk hard sparse; touch -d @1000000000 d/e d; cd ..\n`

describe('programs by others on a passed-through directory', { skip: blocker() }, () => {
  let place: Place
  beforeEach(async () => {
    place = await Place.make()
  })
  afterEach(() => place.close())

  /** Runs with $B the folder that holds plain, source and mount; nothing may fail. */
  const run = async (script: string): Promise<string> => {
    const output = await shell(`set -e -o pipefail\n${MANIFEST}cd "$B/plain"\n${script}`, {
      B: place.base,
      HOME: place.base,
    })
    assert.doesNotMatch(output, /exit \w+\n$/, output)
    return output
  }

  it('git: clone, commit, status, fsck', { skip: blocker('git') }, async () => {
    const output = await run(
      `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
       git init -q -b main origin; cd origin; for i in $(seq 300); do mkdir -p d$((i % 17)); seq $i > d$((i % 17))/f$i; done
       ln -s d1/f1 link; echo '#!/bin/sh' > run; chmod +x run; git add .; git commit -q -m one; for i in $(seq 20); do echo $i >> run; git commit -q -a -m $i; done; git gc -q
       git clone -q --no-hardlinks "$B/plain/origin" "$B/mount/clone"; git clone -q --no-hardlinks origin ../plain/clone 2>/dev/null || git clone -q --no-hardlinks "$B/plain/origin" "$B/plain/clone"
       cd "$B/mount/clone"; git status --porcelain | wc -l; git fsck --full; git rev-parse HEAD; echo more >> run; git commit -q -a -m more; git checkout -q HEAD~10; git status --porcelain | wc -l
       git checkout -q main; git gc -q --aggressive; git fsck --full; git log --oneline | wc -l; git diff --stat HEAD~1 | tail -1
       cd "$B/plain"; git -C origin rev-parse HEAD; diff -r --no-dereference -x .git origin clone; git -C "$B/source/clone" status --porcelain | wc -l`,
    )
    const lines = output.trim().split('\n')
    assert.equal(lines[0], '0')
    assert.ok(lines.includes('22'), output)
    assert.equal(lines.at(-1), '0')
    assert.equal(lines[1], lines.at(-2))
  })

  it('tar', { skip: blocker('tar', 'setfacl', 'setfattr') }, async () => {
    await run(
      `${SAMPLE}tar --xattrs --xattrs-include='*' --acls -cf sample.tar sample
       mkdir "$B/mount/t"; tar --xattrs --xattrs-include='*' --acls -C "$B/mount/t" -xpf sample.tar
       manifest sample > want; manifest "$B/source/t/sample" > below; diff want below
       manifest "$B/mount/t/sample" > got; diff want got
       tar --xattrs --xattrs-include='*' --acls -C "$B/mount/t" -cf - sample | (mkdir back; tar --xattrs --xattrs-include='*' --acls -C back -xpf -); manifest back/sample > again; diff want again`,
    )
  })

  it('rsync -aHAX', { skip: blocker('rsync', 'setfacl', 'setfattr') }, async () => {
    const output = await run(
      `${SAMPLE}rsync -aHAX --numeric-ids sample "$B/mount/"; manifest sample > want; manifest "$B/source/sample" > below; diff want below
       rsync -aHAX --numeric-ids -i sample "$B/mount/" | wc -l; rm sample/d/f1; echo changed >> sample/d/f2; mv sample/d/f3 sample/moved; touch -d @3000000 sample/d sample
       rsync -aHAX --numeric-ids --delete sample "$B/mount/"; manifest sample > want; manifest "$B/mount/sample" > got; diff want got
       rsync -aHAXS --numeric-ids "$B/mount/sample/" back/; manifest back > again; diff want again`,
    )
    assert.equal(output, '0\n')
  })

  it('sqlite3, with two writers and a log', { skip: blocker('sqlite3') }, async () => {
    const output = await run(
      `cd "$B/mount"; for mode in delete wal; do
         sqlite3 $mode.db "pragma journal_mode=$mode; create table t(a integer primary key, b text);" > /dev/null
         for w in 1 2; do (for i in $(seq 25); do echo ".timeout 20000
insert into t(b) values(hex(randomblob(300)));"; done | sqlite3 $mode.db) & done; wait
         sqlite3 $mode.db "begin; insert into t(b) select b from t; rollback; select count(*) from t; pragma integrity_check; vacuum;"
         sqlite3 "$B/source/$mode.db" "select count(*) from t; pragma integrity_check"
       done`,
    )
    assert.equal(output, '50\nok\n50\nok\n'.repeat(2))
  })

  it('npm install', { skip: blocker('npm') }, async () => {
    const output = await run(
      `for p in one two; do mkdir -p pkg/$p/lib; echo "module.exports = '$p'" > pkg/$p/lib/index.js
         echo "{\\"name\\":\\"$p\\",\\"version\\":\\"1.0.0\\",\\"main\\":\\"lib/index.js\\",\\"bin\\":{\\"run-$p\\":\\"lib/index.js\\"}}" > pkg/$p/package.json
         (cd pkg && npm pack --silent ./$p) > /dev/null; done
       install() { mkdir "$1/app"; cd "$1/app"; echo '{"name":"app","version":"1.0.0"}' > package.json
         cp "$B"/plain/pkg/*.tgz .; npm install --offline --no-audit --no-fund --silent ./one-1.0.0.tgz ./two-1.0.0.tgz
         node -e 'console.log(require("one"), require("two"))'; readlink node_modules/.bin/run-one; }
       (install "$B/plain"); (install "$B/mount"); diff -r --no-dereference "$B/plain/app" "$B/source/app"`,
    )
    assert.equal(output, 'one two\n../one/lib/index.js\n'.repeat(2))
  })

  it('a compiler and make', { skip: blocker('cc', 'make') }, async () => {
    const output = await run(
      `build() { mkdir "$1/c"; cd "$1/c"; for i in $(seq 12); do echo "int f$i(int x) { return x + $i; }" > f$i.c; done
         (for i in $(seq 12); do echo "int f$i(int);"; done; echo '#include <stdio.h>'; echo 'int main(void) { int x = 0;'; for i in $(seq 12); do echo "x = f$i(x);"; done; echo 'printf("%d\\n", x); return 0; }') > main.c
         printf 'objs = $(patsubst %%.c,%%.o,$(wildcard *.c))\\nprog: $(objs)\\n\\tcc -o $@ $^\\n%%.o: %%.c\\n\\tcc -O1 -c -o $@ $<\\n' > Makefile
         make -s -j2; ./prog; make -q && echo up to date; touch f3.c; make -q || echo out of date; make -s; ./prog; }
       (build "$B/plain"); (build "$B/mount"); cmp "$B/plain/c/prog" "$B/source/c/prog"`,
    )
    assert.equal(output, '78\nup to date\nout of date\n78\n'.repeat(2))
  })
})
