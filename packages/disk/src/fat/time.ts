/**
 * DOS times are local without saying where; this package takes them as UTC, so that an image means the same everywhere.
 * Years 1980 to 2107, steps of two seconds (10 ms where the field exists).
 */
export function fromDos(date: number, time: number, hundredths = 0): number {
  if (date === 0) return 0
  const year = 1980 + (date >> 9)
  const month = Math.min(12, Math.max(1, (date >> 5) & 15))
  const day = Math.max(1, date & 31)
  const base = Date.UTC(year, month - 1, day, time >> 11, (time >> 5) & 63, (time & 31) * 2)
  return base + Math.min(hundredths, 199) * 10
}

/** Milliseconds since 1970 as DOS fields; times outside of the range become its first or last one. */
export function toDos(ms: number): { date: number; time: number; hundredths: number } {
  const at = new Date(Math.min(Math.max(ms, Date.UTC(1980, 0, 1)), Date.UTC(2107, 11, 31, 23, 59, 58)))
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
  return { date, time, hundredths: (at.getUTCSeconds() % 2) * 100 + Math.floor(at.getUTCMilliseconds() / 10) }
}
