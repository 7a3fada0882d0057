/**
 * Puts files into an empty exFAT image as the specification says, by other code than the reader that is tested. Only
 * what the tests need: directories of one cluster, names of ASCII, one table.
 */
export class ExfatBuilder {
  readonly #image: Buffer
  readonly #cluster: number
  readonly #fat: number
  readonly #heap: number
  readonly root: number
  readonly #bitmap: number
  #next: number

  constructor(image: Buffer) {
    this.#image = image
    const sector = 2 ** (image[108] ?? 0)
    this.#cluster = sector * 2 ** (image[109] ?? 0)
    this.#fat = image.readUInt32LE(80) * sector
    this.#heap = image.readUInt32LE(88) * sector
    this.root = image.readUInt32LE(96)
    const at = this.at(this.root)
    const entry = [0, 1, 2, 3].map((i) => at + i * 32).find((place) => image[place] === 0x81) ?? 0
    this.#bitmap = this.at(image.readUInt32LE(entry + 20))
    this.#next = this.root + 1
  }

  /** Byte position of a cluster. */
  at(cluster: number): number {
    return this.#heap + (cluster - 2) * this.#cluster
  }

  /** Takes clusters; a chain leaves one out after each, so that it is not contiguous. */
  #take(count: number, chained: boolean): number[] {
    const taken: number[] = []
    for (let i = 0; i < count; i++) {
      taken.push(this.#next)
      this.#next += chained ? 2 : 1
    }
    for (const [i, cluster] of taken.entries()) {
      const place = this.#bitmap + ((cluster - 2) >> 3)
      this.#image[place] = (this.#image[place] ?? 0) | (1 << ((cluster - 2) & 7))
      if (chained) this.#image.writeUInt32LE(taken[i + 1] ?? 0xffffffff, this.#fat + cluster * 4)
    }
    return taken
  }

  /** Adds a file or (with `content` null) a directory; returns the first cluster. */
  add(
    dir: number,
    name: string,
    content: Buffer | null,
    how: { chained?: boolean; valid?: number } = {},
  ): number {
    const length = content === null ? this.#cluster : content.length
    const clusters = this.#take(Math.ceil(length / this.#cluster), how.chained ?? false)
    for (const [i, cluster] of clusters.entries()) {
      content?.copy(this.#image, this.at(cluster), i * this.#cluster, (i + 1) * this.#cluster)
    }
    const parts = Math.ceil(name.length / 15)
    const set = Buffer.alloc((2 + parts) * 32)
    set[0] = 0x85
    set[1] = 1 + parts
    set.writeUInt16LE(content === null ? 16 : 32, 4)
    // 2024-02-29 12:34:56, one hour east of UTC.
    for (const place of [8, 12, 16])
      set.writeUInt32LE(((44 << 25) | (2 << 21) | (29 << 16) | (12 << 11) | (34 << 5) | 28) >>> 0, place)
    for (const place of [22, 23, 24]) set[place] = 0x80 | 4
    set[32] = 0xc0
    set[33] = how.chained === true ? 1 : 3
    set[35] = name.length
    set.writeUInt16LE(this.#sum(Buffer.from(name.toUpperCase(), 'utf16le')), 36)
    set.writeBigUInt64LE(BigInt(how.valid ?? length), 40)
    set.writeUInt32LE(clusters[0] ?? 0, 52)
    if (clusters.length === 0) set[33] = 1
    set.writeBigUInt64LE(BigInt(length), 56)
    for (let part = 0; part < parts; part++) {
      set[64 + part * 32] = 0xc1
      set.write(name.slice(part * 15, part * 15 + 15), 66 + part * 32, 'utf16le')
    }
    set.writeUInt16LE(this.#sum(Buffer.concat([set.subarray(0, 2), set.subarray(4)])), 2)
    let place = this.at(dir)
    while (this.#image[place] !== 0) place += 32
    set.copy(this.#image, place)
    return clusters[0] ?? 0
  }

  #sum(bytes: Buffer): number {
    let sum = 0
    for (const byte of bytes) sum = ((((sum & 1) << 15) | (sum >> 1)) + byte) & 0xffff
    return sum
  }
}
