// The filesystem of libfuse's example hello_ll, on the inode interface: one file, everything answered at once.
import {
  type AttrOut,
  type DataOut,
  type DirOut,
  DT,
  type EntryOut,
  FileSystem,
  mount,
  type OpenOut,
  type Request,
} from 'fusewire'

const ENOENT = -2
const HELLO = Buffer.from('Hello World!\n')

class Hello extends FileSystem {
  override lookup(_req: Request, parent: number, name: string, out: EntryOut): number {
    if (parent !== 1 || name !== 'hello') return ENOENT
    out.nodeId = 2
    out.attr.ino = 2
    out.attr.mode = 0o100444
    out.attr.nlink = 1
    out.attr.size = HELLO.length
    return 0
  }
  override getattr(_req: Request, node: number, _handle: number | undefined, out: AttrOut): number {
    out.attr.ino = node
    out.attr.mode = node === 1 ? 0o040755 : 0o100444
    out.attr.nlink = node === 1 ? 2 : 1
    out.attr.size = node === 1 ? 0 : HELLO.length
    return 0
  }
  override open(_req: Request, _node: number, _flags: number, _out: OpenOut): number {
    return 0
  }
  override read(_r: Request, _n: number, _h: number, offset: number, size: number, out: DataOut): number {
    out.reference(HELLO, Math.min(offset, HELLO.length), Math.min(offset + size, HELLO.length))
    return 0
  }
  override readdir(_r: Request, _n: number, _h: number, offset: number, out: DirOut): number {
    const names = ['.', '..', 'hello']
    for (let i = offset; i < names.length; i++) {
      if (!out.add(names[i]!, i < 2 ? 1 : 2, i < 2 ? DT.DIR : DT.REG, i + 1)) break
    }
    return 0
  }
}

const timeout = Number(process.argv[3] ?? 0)
await mount(process.argv[2]!, new Hello(), { entryTimeout: timeout, attrTimeout: timeout })
process.send?.('ready')
