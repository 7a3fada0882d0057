/** How far the reckoned time may be from `Date.now()` before it is set anew, in milliseconds. */
const TOLERANCE_MS = 1

/**
 * The time of day finer than a millisecond, without garbage: `tick()` and then read `seconds` and `nanoseconds`.
 * `Date.now()` has whole milliseconds; the monotonic clock fills in the rest and is tied to it anew whenever the two
 * part (the system's clock was set, or drifted).
 */
export class Clock {
  seconds = 0
  nanoseconds = 0
  #base = Date.now() - performance.now()

  tick(): void {
    const wall = Date.now()
    const monotonic = performance.now()
    let now = this.#base + monotonic
    if (now < wall || now > wall + TOLERANCE_MS) {
      this.#base = wall - monotonic
      now = wall
    }
    this.seconds = Math.floor(now / 1000)
    // A double holds milliseconds since 1970 to a quarter of a microsecond: whole microseconds are what is known.
    this.nanoseconds = Math.min(999_999, Math.floor((now - this.seconds * 1000) * 1000)) * 1000
  }
}
