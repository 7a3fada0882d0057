import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataOut } from '../../../src/api/data-out.js'
import { AttrOut, EntryOut, OpenOut } from '../../../src/api/outs.js'
import { bytesPerMessage } from '../../support/garbage.js'
import { Direct, replyArea } from './direct.js'

const direct = new Direct()
const { fs, req } = direct
const [node] = direct.create(1, 'file')
fs.write(req, node, 0, 0, Buffer.alloc(8192, 1))
direct.read(node, 0, 1)

const area = replyArea(65536)
const entry = new EntryOut(area)
const attr = new AttrOut(area)
const open = new OpenOut(area)
const data = new DataOut(area)

const paths: Record<string, () => void> = {
  'lookup and forget': () => {
    fs.lookup(req, 1, 'file', entry)
    fs.forget(node, 1)
  },
  'lookup of a missing name': () => void fs.lookup(req, 1, 'none', entry),
  getattr: () => void fs.getattr(req, node, undefined, attr),
  'open, flush and release': () => {
    fs.open(req, node, 0, open)
    fs.flush(req, node, open.handle)
    fs.release(req, node, open.handle)
  },
  read: () => {
    data.reset(4096)
    fs.read(req, node, 0, 4096, 4096, data)
  },
}

for (const [name, run] of Object.entries(paths)) {
  test(`${name}: no garbage`, () => {
    const bytes = bytesPerMessage((count) => {
      for (let i = 0; i < count; i++) run()
      return count
    })
    assert.ok(bytes < 1, `${bytes} bytes a call`)
  })
}
