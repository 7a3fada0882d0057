import type { Node } from './node.js'

/** Filesystems whose attributes are always current without asking anybody (f_type of statfs(2)). */
const LOCAL_TYPES: ReadonlySet<number> = new Set([
  0x0102_1994, // tmpfs
  0x8584_58f6, // ramfs
  0x9123_683e, // btrfs
  0x2fc1_2fc1, // zfs
  0xca45_1a4e, // bcachefs
  0x794c_7630, // overlayfs
  0x9584_58f6, // hugetlbfs
])

/** Numbers of 2^53 and more do not fit a number key. */
const KEY_HIGH_LIMIT = 0x20_0000

/**
 * One backing filesystem below the tree. Inode numbers of different devices may be equal, so those of every device but
 * the root's are shown with `salt` added to their high word: different files never show the same number, and the
 * same file shows the same one at every mount.
 */
export class Device {
  readonly major: number
  readonly minor: number
  readonly salt: number
  /** True when attributes are current without asking a server. */
  readonly local: boolean
  /** A readable directory of the device, for opening by file handle; -1 where handles cannot be used. */
  handleFd = -1
  /** How reads are done: `nowait` first, `plain` where that is unknown and local, `pool` where a server may be slow. */
  reads: 'nowait' | 'plain' | 'pool' = 'nowait'
  readonly #nodes = new Map<number, Node>()
  readonly #large = new Map<bigint, Node>()

  constructor(major: number, minor: number, type: number, salt: number) {
    this.major = major
    this.minor = minor
    this.salt = salt
    this.local = major !== 0 || LOCAL_TYPES.has(type)
  }

  find(low: number, high: number): Node | undefined {
    if (high < KEY_HIGH_LIMIT) return this.#nodes.get(high * 0x1_0000_0000 + low)
    return this.#large.get(largeKey(low, high))
  }

  add(node: Node): void {
    const { low, high } = node.ino
    if (high < KEY_HIGH_LIMIT) this.#nodes.set(high * 0x1_0000_0000 + low, node)
    else this.#large.set(largeKey(low, high), node)
  }

  /** Takes the node out, unless its number belongs to a younger one by now. */
  remove(node: Node): void {
    const { low, high } = node.ino
    if (this.find(low, high) !== node) return
    if (high < KEY_HIGH_LIMIT) this.#nodes.delete(high * 0x1_0000_0000 + low)
    else this.#large.delete(largeKey(low, high))
  }
}

const largeKey = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low)

/** The high word of inode numbers has room for a mark above what local filesystems use (48 bits). */
const SALT_SHIFT = 16
const SALT_COUNT = 0x7fff

/** The devices met so far. The first is the root's. */
export class DeviceTable {
  readonly #devices = new Map<number, Device>()
  readonly #salts = new Set<number>()

  find(major: number, minor: number): Device | undefined {
    return this.#devices.get(deviceKey(major, minor))
  }

  add(major: number, minor: number, type: number): Device {
    const device = new Device(major, minor, type, this.#devices.size === 0 ? 0 : this.#salt(major, minor))
    this.#devices.set(deviceKey(major, minor), device)
    return device
  }

  [Symbol.iterator](): Iterator<Device> {
    return this.#devices.values()
  }

  /** Of the device number alone, so that the next mount shows the same numbers; another one only if that is taken. */
  #salt(major: number, minor: number): number {
    let mark = (Math.imul(major * 4099 + minor + 1, 0x9e37_79b1) >>> 8) % SALT_COUNT
    while (this.#salts.has(mark) && this.#salts.size < SALT_COUNT) mark = (mark + 1) % SALT_COUNT
    this.#salts.add(mark)
    return ((mark + 1) << SALT_SHIFT) >>> 0
  }
}

const deviceKey = (major: number, minor: number): number => major * 0x1_0000_0000 + minor
