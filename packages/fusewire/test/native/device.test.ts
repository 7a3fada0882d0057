import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { calls, NEG, receive, sockets } from './support.js'

test('openDevice takes a path as text or as bytes, and opens close-on-exec and non-blocking', () => {
  const dir = mkdtempSync(join(tmpdir(), 'fusewire-dev-'))
  try {
    // A name that is not UTF-8 exists only as bytes.
    const path = Buffer.concat([Buffer.from(`${dir}/`), Uint8Array.of(0xff, 0xfe)])
    writeFileSync(path, 'x')
    const fd = calls.openDevice(path)
    assert.ok(fd >= 0)
    const O_RDWR = 0o2
    const O_NONBLOCK = 0o4000
    const O_CLOEXEC = 0o2000000
    assert.equal(flagsOf(fd) & (0o3 | O_NONBLOCK | O_CLOEXEC), O_RDWR | O_NONBLOCK | O_CLOEXEC)
    assert.ok(readlinkSync(`/proc/self/fd/${fd}`, 'buffer').equals(path))
    assert.equal(calls.closeFd(fd), 0)
    assert.equal(calls.closeFd(fd), NEG.EBADF)
    assert.equal(calls.openDevice(`${dir}/missing`), NEG.ENOENT)
    assert.equal(calls.openDevice(`${dir}/${'n'.repeat(300)}`), -36) // ENAMETOOLONG; longer than the inline buffer
  } finally {
    rmSync(dir, { recursive: true })
  }
})

test('cloneDevice leaves no descriptor behind when the ioctl fails', () => {
  const [a, b] = sockets()
  const before = lowestFree()
  assert.equal(calls.cloneDevice(a, '/dev/null'), NEG.ENOTTY)
  assert.equal(calls.cloneDevice(a, '/nowhere'), NEG.ENOENT)
  assert.equal(lowestFree(), before)
  calls.closeFd(a)
  calls.closeFd(b)
})

test('one write is one message, whichever call sends it', () => {
  const [a, b] = sockets()
  const words = Uint32Array.of(0x04030201, 0x08070605)
  const bytes = Uint8Array.from({ length: 8 }, (_, index) => index + 1)
  const expected = [3, 4, 5, 6]
  assert.equal(calls.writeOne(a, bytes, 2, 4), 4)
  assert.equal(calls.writeOne(a, words, 2, 4), 4)
  assert.equal(calls.writeOne(a, new DataView(words.buffer, 1, 6), 1, 4), 4)
  assert.equal(calls.writeTwo(a, words, 2, 1, bytes, 3, 3), 4)
  assert.equal(calls.writeTwo(a, words, 0, 0, bytes, 2, 4), 4)
  assert.equal(calls.writeDevice(a, [bytes.subarray(2, 3), words.subarray(0, 0), bytes.subarray(3, 6)], 3), 4)
  assert.equal(calls.writeDevice(a, [bytes.subarray(2, 6), bytes], 1), 4)
  for (let message = 0; message < 7; message++) assert.deepEqual([...receive(b)!], expected)
  assert.equal(receive(b), null)
  calls.closeFd(b)
  assert.equal(calls.writeOne(a, bytes, 0, 8), NEG.EPIPE)
  assert.equal(calls.readDevice(a, bytes, 0, 8), 0)
  calls.closeFd(a)
})

test('memory that was given away is refused and not written to', () => {
  const [a, b] = sockets()
  const bytes = new Uint8Array(64)
  const kept = structuredClone(bytes, { transfer: [bytes.buffer] })
  calls.writeOne(b, Uint8Array.of(1, 2, 3), 0, 3)
  assert.throws(() => calls.readDevice(a, bytes, 0, 64), { name: 'TypeError' })
  assert.equal(calls.readDevice(a, kept, 0, 64), 3)
  calls.closeFd(a)
  calls.closeFd(b)
})

function flagsOf(fd: number): number {
  return Number.parseInt(/^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8)
}

/** The number that the next open gets. */
function lowestFree(): number {
  const fd = calls.openDevice('/dev/null')
  calls.closeFd(fd)
  return fd
}
