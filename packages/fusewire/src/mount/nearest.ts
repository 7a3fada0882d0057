// The known word that a mistyped one probably meant.

/** Levenshtein distance of two words: how many single letters to insert, delete or replace. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The nearest of `known`, letter case and `-`/`_` not counted; undefined when nothing is near enough to be meant. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[-_]/g, '')
  let best: string | undefined
  // Three edits, or a third of a longer word: beyond that a suggestion misleads more often than it helps.
  let limit = Math.max(3, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(plain(word.slice(0, 64)), plain(candidate))
    if (distance < limit && distance < candidate.length) {
      best = candidate
      limit = distance
    }
  }
  return best
}
