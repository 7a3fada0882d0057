/** LCN of a run without clusters: it reads as zeros. */
export const HOLE = -1

/** A run: `length` clusters of the stream from `vcn` on lie at `lcn` on the volume, or nowhere (`HOLE`). */
export interface Run {
  readonly vcn: number
  readonly lcn: number
  readonly length: number
}

/**
 * Where the clusters of a stream lie: consecutive runs from VCN 0. Kept as two arrays of numbers, so that hundreds of
 * thousands of runs stay small, and merged where neighbours continue each other.
 */
export class Runlist {
  #starts: number[] = []
  #lcns: number[] = []
  #clusters = 0

  /** Clusters of the stream, holes included. */
  get clusters(): number {
    return this.#clusters
  }

  get count(): number {
    return this.#starts.length
  }

  at(index: number): Run {
    const vcn = this.#starts[index]
    const lcn = this.#lcns[index]
    if (vcn === undefined || lcn === undefined) throw new RangeError(`run ${index} of ${this.count}`)
    return { vcn, lcn, length: (this.#starts[index + 1] ?? this.#clusters) - vcn }
  }

  /** Index of the run that holds a VCN below `clusters`. */
  find(vcn: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#starts[middle] as number) <= vcn) low = middle
      else high = middle - 1
    }
    return low
  }

  /** The rest of the run from a VCN on, or null behind the end. */
  from(vcn: number): Run | null {
    if (vcn >= this.#clusters) return null
    const run = this.at(this.find(vcn))
    const skip = vcn - run.vcn
    return { vcn, lcn: run.lcn === HOLE ? HOLE : run.lcn + skip, length: run.length - skip }
  }

  /** The LCN that would continue the stream on the disk, or null when it has no cluster. */
  get tail(): number | null {
    for (let i = this.count - 1; i >= 0; i--) {
      const run = this.at(i)
      if (run.lcn !== HOLE) return run.lcn + run.length
    }
    return null
  }

  append(lcn: number, length: number): void {
    if (length <= 0) return
    const last = this.#lcns.length - 1
    if (last >= 0) {
      const before = this.#lcns[last] as number
      const size = this.#clusters - (this.#starts[last] as number)
      if (lcn === HOLE ? before === HOLE : before !== HOLE && before + size === lcn) {
        this.#clusters += length
        return
      }
    }
    this.#starts.push(this.#clusters)
    this.#lcns.push(lcn)
    this.#clusters += length
  }

  /** Cuts the stream to `clusters`; returns the runs with clusters that fell off. */
  truncate(clusters: number): Run[] {
    const freed: Run[] = []
    while (this.#clusters > clusters) {
      const run = this.at(this.count - 1)
      const keep = Math.max(0, clusters - run.vcn)
      if (run.lcn !== HOLE) {
        freed.push({ vcn: run.vcn + keep, lcn: run.lcn + keep, length: run.length - keep })
      }
      if (keep === 0) {
        this.#starts.pop()
        this.#lcns.pop()
      }
      this.#clusters = run.vcn + keep
    }
    return freed
  }

  /**
   * Puts the clusters from `lcn` on (or a hole) at `vcn`..`vcn + length`, which must lie inside of the stream.
   * Returns the runs with clusters that stood there.
   */
  replace(vcn: number, lcn: number, length: number): Run[] {
    const replaced: Run[] = []
    const end = vcn + length
    const rebuilt = new Runlist()
    const first = this.find(vcn)
    let index = first
    const start = this.at(first).vcn
    if (start < vcn) rebuilt.append(this.at(first).lcn, vcn - start)
    rebuilt.append(lcn, length)
    for (; index < this.count; index++) {
      const run = this.at(index)
      if (run.vcn >= end) break
      const from = Math.max(run.vcn, vcn)
      const to = Math.min(run.vcn + run.length, end)
      if (run.lcn !== HOLE) replaced.push({ vcn: from, lcn: run.lcn + from - run.vcn, length: to - from })
      const rest = run.vcn + run.length - end
      if (rest > 0) rebuilt.append(run.lcn === HOLE ? HOLE : run.lcn + run.length - rest, rest)
    }
    this.#splice(first, index, start, rebuilt)
    return replaced
  }

  /** Swaps the runs [first, end) for those of `part`, whose VCN 0 is `base` here, and merges at both borders. */
  #splice(first: number, end: number, base: number, part: Runlist): void {
    const starts = part.#starts.map((vcn) => vcn + base)
    this.#starts.splice(first, end - first, ...starts)
    this.#lcns.splice(first, end - first, ...part.#lcns)
    this.#merge(first + starts.length)
    this.#merge(first)
  }

  /** Joins run `index` with the one before it where they continue each other. */
  #merge(index: number): void {
    if (index < 1 || index >= this.count) return
    const before = this.at(index - 1)
    const lcn = this.#lcns[index] as number
    const continues =
      lcn === HOLE ? before.lcn === HOLE : before.lcn !== HOLE && before.lcn + before.length === lcn
    if (!continues) return
    this.#starts.splice(index, 1)
    this.#lcns.splice(index, 1)
  }

  /** Clusters that lie on the disk. */
  get allocated(): number {
    let sum = 0
    for (const run of this) if (run.lcn !== HOLE) sum += run.length
    return sum
  }

  *[Symbol.iterator](): Generator<Run> {
    for (let i = 0; i < this.count; i++) yield this.at(i)
  }

  static of(lcn: number, length: number): Runlist {
    const runs = new Runlist()
    runs.append(lcn, length)
    return runs
  }
}
