/** Something in a volume that breaks a rule of the format. */
export interface Finding {
  /** What is wrong, one sentence. */
  readonly what: string
  /** MFT record that it is about. */
  readonly record?: number
  readonly expected?: unknown
  readonly actual?: unknown
}

/** Findings kept; a volume of noise would fill the memory otherwise. */
const FINDINGS_MAX = 1000

/** Collects findings. */
export class Findings {
  readonly list: Finding[] = []
  /** Findings in all, also those that are not kept. */
  count = 0

  add(what: string, record?: number, expected?: unknown, actual?: unknown): void {
    this.count++
    if (this.list.length >= FINDINGS_MAX) return
    this.list.push({
      what,
      ...(record === undefined ? {} : { record }),
      ...(expected === undefined ? {} : { expected }),
      ...(actual === undefined ? {} : { actual }),
    })
  }

  /** Adds a finding unless both are equal. */
  equal(what: string, record: number | undefined, expected: unknown, actual: unknown): void {
    if (expected !== actual) this.add(what, record, expected, actual)
  }

  /** Runs a part; what it throws is a finding too. */
  guard(record: number | undefined, run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.add(error.message, record)
    }
  }
}
