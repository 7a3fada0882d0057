// Filesystems that are wrong on purpose: the conformance suite and the simulator must catch each of them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { DirOut, DirPlusOut } from '../../src/api/dir-out.js'
import type { AttrOut, EntryOut } from '../../src/api/outs.js'
import type { Request, Result } from '../../src/api/request.js'
import type { StatxOut } from '../../src/api/statx-out.js'
import { MemoryFileSystem } from '../../src/fs/memory/filesystem.js'
import { CAPABILITIES, type Capabilities, runConformance, simulate } from '../../src/testing/index.js'

const everything = Object.fromEntries(Object.keys(CAPABILITIES).map((name) => [name, true])) as Capabilities

interface Verdict {
  /** Groups of the suite with a failed case. */
  readonly groups: ReadonlySet<string>
  readonly leaked: number | null
  readonly violations: readonly { readonly operation: string; readonly text: string }[]
}

/** Runs the groups of the suite whose names match on the filesystem. */
async function judge(files: MemoryFileSystem, groups: RegExp): Promise<Verdict> {
  const log: string[] = []
  const sim = await simulate(files, {
    defaultPermissions: true,
    lookups: () => files.usage().lookups,
    log: (line) => log.push(line),
  })
  const { fs } = sim
  const place = {
    fs,
    posix: fs,
    as: async (user: object) => sim.as(user),
    directory: '',
    close: async () => {},
  }
  const outcomes = await runConformance(place, everything, (one) => groups.test(one.group))
  assert.ok(outcomes.length > 0, `the suite has groups like ${groups}`)
  // One node that the kernel knows by a lookup alone is there at the end, so that its references can be compared.
  await fs.writeFile('/left', '').then(() => sim.dropCaches())
  await fs.stat('/left')
  const failed = outcomes.filter(({ result }) => result === 'failed')
  const { leaked, violations } = await sim.unmount()
  return { groups: new Set(failed.map((one) => one.case.group)), leaked, violations }
}

const options = { uid: 0, gid: 0 }

class Right extends MemoryFileSystem {}

class ForgetsToCount extends MemoryFileSystem {
  override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
    const result = super.lookup(req, parent, name, out)
    if (result === 0 && out.nodeId !== 0) super.forget(out.nodeId, 1)
    return result
  }
}

class CountsTwice extends MemoryFileSystem {
  override lookup(req: Request, parent: number, name: string, out: EntryOut): Result {
    super.lookup(req, parent, name, out)
    return super.lookup(req, parent, name, out)
  }
}

class ForgetsNothing extends MemoryFileSystem {
  override forget(): void {}
}

class ForgetsAtOnce extends MemoryFileSystem {
  override unlink(req: Request, parent: number, name: string): Result {
    const id = this.store.nodes.get(parent)?.directory?.get(name)?.node?.id
    const result = super.unlink(req, parent, name)
    const node = id === undefined ? undefined : this.store.nodes.get(id)
    if (node?.nlink === 0) {
      node.opens = 0
      super.forget(id!, node.lookups)
    }
    return result
  }
}

class WrongLinkCount extends MemoryFileSystem {
  override getattr(req: Request, id: number, handle: number | undefined, out: AttrOut): Result {
    const result = super.getattr(req, id, handle, out)
    out.attr.nlink = 1
    return result
  }
  override statx(
    _req: Request,
    _id: number,
    _handle: number | undefined,
    _m: number,
    _f: number,
    _out: StatxOut,
  ): Result {
    return -38
  }
}

/** Positions that count the entries, so that they slip when one goes. */
class SlippingPositions extends MemoryFileSystem {
  override opendir(): Result {
    return 0
  }
  override readdir(_req: Request, id: number, _handle: number, offset: number, out: DirOut): Result {
    return this.#list(id, offset, out)
  }
  override readdirplus(_req: Request, id: number, _handle: number, offset: number, out: DirPlusOut): Result {
    return this.#list(id, offset, out)
  }
  #list(id: number, offset: number, out: DirOut | DirPlusOut): Result {
    const names = [...this.store.nodes.get(id)!.directory!].map(({ name }) => name)
    for (let i = offset; i < names.length; i++) {
      if (!out.add(Buffer.from(names[i]!, 'latin1'), 1 + i, 8, i + 1)) break
    }
    return 0
  }
}

class StaleListing extends MemoryFileSystem {
  readonly #first = new Map<number, Buffer>()
  override opendir(): Result {
    return 0
  }
  override readdir(req: Request, id: number, handle: number, offset: number, out: DirOut): Result {
    const kept = offset === 0 ? this.#first.get(id) : undefined
    if (kept !== undefined) {
      out.bytes.set(kept, out.start)
      out.wrote(kept.length)
      return 0
    }
    const result = super.readdir(req, id, handle, offset, out)
    if (offset === 0 && out.length > 0) {
      this.#first.set(id, Buffer.from(out.bytes.subarray(out.start, out.start + out.length)))
    }
    return result
  }
  override readonly readdirplus = undefined as never
}

class LosesAWrite extends MemoryFileSystem {
  override write(req: Request, id: number, handle: number, offset: number, data: Uint8Array): Result {
    if (offset < 100_000 || data.length < 2) return super.write(req, id, handle, offset, data)
    super.write(req, id, handle, offset, data.subarray(0, data.length - 1))
    super.write(req, id, handle, offset + data.length - 1, new Uint8Array(1))
    return data.length
  }
}

class KeepsTheOldSize extends MemoryFileSystem {
  override write(req: Request, id: number, handle: number, offset: number, data: Uint8Array): Result {
    const size = this.store.nodes.get(id)?.content?.size ?? 0
    if (size > 0 && offset >= size) return data.length
    return super.write(req, id, handle, offset, data)
  }
}

class ReplacesDespiteNoreplace extends MemoryFileSystem {
  override rename(
    req: Request,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Result {
    // The kernel checks NOREPLACE too, so only EXCHANGE shows it.
    return super.rename(req, parent, name, newParent, newName, flags === 2 ? 0 : flags)
  }
}

class IgnoresTheMode extends MemoryFileSystem {
  override mkdir(req: Request, parent: number, name: string, _mode: number, out: EntryOut): Result {
    return super.mkdir(req, parent, name, 0o777, out)
  }
}

describe('filesystems that are wrong', () => {
  test('the right one passes what the wrong ones fail', async () => {
    const verdict = await judge(new Right(options), /mkdir|readdir$|hard links|unlinked|modes|positions/)
    assert.deepEqual(verdict, { groups: new Set(), leaked: 0, violations: [] })
  })
  test('a lookup that is not counted', async () => {
    const { leaked } = await judge(new ForgetsToCount(options), /mkdir/)
    assert.ok(leaked !== null && leaked < 0, `leaked ${leaked}`)
  })
  test('a lookup that is counted twice', async () => {
    const { leaked } = await judge(new CountsTwice({ ...options, timeout: 0 }), /symbolic links/)
    assert.ok(leaked !== null && leaked > 0, `leaked ${leaked}`)
  })
  test('a forget that is not heard', async () => {
    const { leaked } = await judge(new ForgetsNothing(options), /mkdir/)
    assert.ok(leaked !== null && leaked > 0, `leaked ${leaked}`)
  })
  test('a node that goes while it is open', async () => {
    const { groups, violations } = await judge(new ForgetsAtOnce(options), /unlinked/)
    assert.ok(groups.has('unlinked open files'))
    assert.match(violations[0]?.text ?? '', /answered ESTALE though the kernel holds [1-9]/)
  })
  const caught: readonly [string, MemoryFileSystem, RegExp, string][] = [
    [
      'a link count that is always 1',
      new WrongLinkCount({ ...options, timeout: 0 }),
      /hard links/,
      'hard links',
    ],
    [
      'positions that slip',
      new SlippingPositions(options),
      /changes$/,
      'readdir while the directory changes',
    ],
    ['a listing that is never renewed', new StaleListing(options), /^readdir$/, 'readdir'],
    ['a write that loses its last byte', new LosesAWrite(options), /data: positions/, 'data: positions'],
    [
      'a write behind the end that is dropped',
      new KeepsTheOldSize(options),
      /whole files/,
      'data: whole files',
    ],
    ['an exchange that replaces', new ReplacesDespiteNoreplace(options), /renameat2/, 'renameat2'],
    ['a mode that is not kept', new IgnoresTheMode(options), /modes/, 'modes'],
  ]
  for (const [title, files, groups, failed] of caught) {
    test(title, async () => {
      const verdict = await judge(files, groups)
      assert.ok(
        verdict.groups.has(failed),
        `"${failed}" did not fail; failed: ${[...verdict.groups].join(', ')}`,
      )
    })
  }
})
