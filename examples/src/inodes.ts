// The kernel's own view: node ids, out-objects, no promises and no garbage. Serves the numbers 0..999999 as files.
//   npm run example inodes ./mnt     then: cat mnt/42; ls mnt | wc -l
import {
  type AttrOut,
  type DataOut,
  type DirOut,
  DT,
  type EntryOut,
  errno,
  FileSystem,
  FOPEN,
  mount,
  type OpenOut,
  type Request,
} from 'fusewire'

const ROOT = 1
const COUNT = 1_000_000
/** Node ids of the files begin behind the root. */
const nodeOf = (number: number): number => number + ROOT + 1
const numberOf = (node: number): number => node - ROOT - 1
const textOf = (node: number): string => `${numberOf(node) ** 2}\n`

class Squares extends FileSystem {
  override lookup(_req: Request, parent: number, name: string, out: EntryOut): number {
    const number = Number(name)
    if (parent !== ROOT || !/^(0|[1-9]\d{0,5})$/.test(name) || number >= COUNT) return -errno.ENOENT
    out.nodeId = nodeOf(number)
    this.#fill(out.attr, out.nodeId)
    return 0
  }

  override getattr(_req: Request, node: number, _handle: number | undefined, out: AttrOut): number {
    this.#fill(out.attr, node)
    return 0
  }

  override open(_req: Request, _node: number, _flags: number, out: OpenOut): number {
    out.flags = FOPEN.KEEP_CACHE
    return 0
  }

  override read(_req: Request, node: number, _h: number, offset: number, size: number, out: DataOut): number {
    out.text(textOf(node).slice(offset, offset + size), 'latin1')
    return 0
  }

  override opendir(_req: Request, node: number, _flags: number, out: OpenOut): number {
    if (node !== ROOT) return -errno.ENOTDIR
    out.flags = FOPEN.CACHE_DIR | FOPEN.KEEP_CACHE
    return 0
  }

  /** Offset n is where name n begins; the record's own `next` leads behind it. */
  override readdir(_req: Request, _node: number, _handle: number, offset: number, out: DirOut): number {
    for (let i = offset; i < COUNT; i++) {
      if (!out.add(String(i), nodeOf(i), DT.REG, i + 1)) break
    }
    return 0
  }

  #fill(attr: AttrOut['attr'], node: number): void {
    attr.ino = node
    attr.mode = node === ROOT ? 0o040555 : 0o100444
    attr.nlink = node === ROOT ? 2 : 1
    attr.size = node === ROOT ? 0 : textOf(node).length
  }
}

await mount(process.argv[2] ?? './mnt', new Squares(), { entryTimeout: 3600, attrTimeout: 3600 })
