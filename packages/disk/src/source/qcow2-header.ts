import { ascii, be32, be64, be64big } from '../bytes.js'
import { corrupt, DiskError } from '../error.js'
import { type BlockSource, readBytesSync } from './source.js'

/** Fields of a qcow2 header as docs/interop/qcow2.txt of QEMU names them. */
export interface Qcow2Header {
  version: 2 | 3
  /** Bytes of a cluster are 2^clusterBits. */
  clusterBits: number
  /** Bytes of the virtual disk. */
  size: number
  l1Size: number
  l1Offset: number
  extendedL2: boolean
  /** The content lies in another file at its own positions. */
  externalData: boolean
  backingFile: string | null
  /** As the header extension names it: `raw`, `qcow2`; null when it does not say. */
  backingFormat: string | null
  dataFile: string | null
}

const MAGIC = 'QFI\xfb'
/** Incompatible feature bits. */
const CORRUPT = 2n
const EXTERNAL_DATA = 4n
const COMPRESSION_TYPE = 8n
const EXTENDED_L2 = 16n
const KNOWN = 31n
/** QEMU's own limits: cluster_bits 9..21, 32 MiB of L1 table, 1023 bytes of backing name. */
const L1_LIMIT = 32 << 20
const NAME_LIMIT = 1023

export function isQcow2(source: BlockSource): boolean {
  return source.size >= 72 && ascii(readBytesSync(source, 0, 4), 0, 4) === MAGIC
}

function featureBits(head: Uint8Array): bigint {
  const bits = be64big(head, 72)
  if ((bits & ~KNOWN) !== 0n) {
    throw new DiskError('ENOTSUP', 'a qcow2 feature that is not known here', {
      position: 72,
      expected: 'feature bits within 0x1f',
      actual: `0x${bits.toString(16)}`,
      cure: 'Convert the image with qemu-img convert -O qcow2',
    })
  }
  if ((bits & CORRUPT) !== 0n) {
    const cure = 'Repair it with qemu-img check -r all'
    throw corrupt('the qcow2 image is marked corrupt', 72, 'bit 1 clear', `0x${bits.toString(16)}`, cure)
  }
  return bits
}

function textAt(source: BlockSource, position: number, length: number, what: string): string {
  if (length > NAME_LIMIT || position + length > source.size) {
    throw corrupt(what, position, `at most ${NAME_LIMIT} bytes within the file`, length)
  }
  return Buffer.from(readBytesSync(source, position, length)).toString('utf8')
}

/** The header extensions: type, length, data padded to eight bytes, until type 0 or the end of the first cluster. */
function extensions(source: BlockSource, from: number, end: number): Map<number, string> {
  const found = new Map<number, string>()
  for (let at = from; at + 8 <= end; ) {
    const head = readBytesSync(source, at, 8)
    const type = be32(head, 0)
    const length = be32(head, 4)
    if (type === 0) break
    if (at + 8 + length > end)
      throw corrupt('a qcow2 header extension', at + 4, `at most ${end - at - 8} bytes`, length)
    if (type === 0xe2792aca || type === 0x44415441) found.set(type, textAt(source, at + 8, length, 'a name'))
    at += 8 + Math.ceil(length / 8) * 8
  }
  return found
}

function checkGeometry(header: Qcow2Header, source: BlockSource): void {
  const { clusterBits, l1Size, l1Offset, size } = header
  const entry = header.extendedL2 ? 16 : 8
  const perL1 = (2 ** clusterBits / entry) * 2 ** clusterBits
  if (l1Size * 8 > L1_LIMIT)
    throw corrupt('the qcow2 L1 table', 36, `at most ${L1_LIMIT / 8} entries`, l1Size)
  if (l1Size < Math.ceil(size / perL1)) {
    throw corrupt('the qcow2 L1 table', 36, `at least ${Math.ceil(size / perL1)} entries`, l1Size)
  }
  if (l1Offset % 2 ** clusterBits !== 0 || l1Offset + l1Size * 8 > source.size) {
    throw corrupt('the position of the qcow2 L1 table', 40, 'a cluster within the file', l1Offset)
  }
}

/** Reads and checks the header. `EUCLEAN` when it breaks the format, `ENOTSUP` for encryption and unknown features. */
export function readQcow2Header(source: BlockSource): Qcow2Header {
  if (!isQcow2(source)) throw corrupt('a qcow2 header', 0, `the magic 'QFI\\xfb'`, 'something else')
  const head = new Uint8Array(112)
  source.readSync(0, head, 0, Math.min(112, source.size))
  const version = be32(head, 4)
  if (version !== 2 && version !== 3) {
    throw new DiskError('ENOTSUP', 'a qcow version', { position: 4, expected: '2 or 3', actual: version })
  }
  const clusterBits = be32(head, 20)
  if (clusterBits < 9 || clusterBits > 21) throw corrupt('qcow2 cluster bits', 20, '9..21', clusterBits)
  const cryptMethod = be32(head, 32)
  if (cryptMethod !== 0) {
    const cure = 'Decrypt it first: qemu-img convert with the secret'
    throw new DiskError('ENOTSUP', 'an encrypted qcow2 image', { position: 32, actual: cryptMethod, cure })
  }
  const features = version === 3 ? featureBits(head) : 0n
  const headerLength = version === 3 ? be32(head, 100) : 72
  const end = Math.min(2 ** clusterBits, source.size)
  if (headerLength < (version === 3 ? 104 : 72) || headerLength > end) {
    throw corrupt('the qcow2 header length', 100, `104..${end}`, headerLength)
  }
  const compression = (features & COMPRESSION_TYPE) !== 0n && headerLength > 104 ? (head[104] ?? 0) : 0
  if (compression !== 0) {
    const cure = 'Convert it with qemu-img convert -O qcow2 -o compression_type=zlib'
    const what = compression === 1 ? 'a qcow2 image compressed with zstd' : 'a qcow2 compression type'
    throw new DiskError('ENOTSUP', what, { position: 104, expected: 0, actual: compression, cure })
  }
  const backingOffset = be64(head, 8, 'the position of the backing file name', 0)
  const extra = extensions(
    source,
    headerLength,
    backingOffset > headerLength ? Math.min(backingOffset, end) : end,
  )
  const header: Qcow2Header = {
    version,
    clusterBits,
    size: be64(head, 24, 'the qcow2 disk size', 0),
    l1Size: be32(head, 36),
    l1Offset: be64(head, 40, 'the position of the qcow2 L1 table', 0),
    extendedL2: (features & EXTENDED_L2) !== 0n,
    externalData: (features & EXTERNAL_DATA) !== 0n,
    backingFile:
      backingOffset === 0 ? null : textAt(source, backingOffset, be32(head, 16), 'the backing file name'),
    backingFormat: extra.get(0xe2792aca) ?? null,
    dataFile: extra.get(0x44415441) ?? null,
  }
  if (header.extendedL2 && clusterBits < 14)
    throw corrupt('qcow2 cluster bits', 20, '14..21 with subclusters', clusterBits)
  checkGeometry(header, source)
  return header
}
