import { big64, u16, u32 } from './bytes.js'

const RSTR = 0x5254_5352
const CHKD = 0x444b_4843
/** LFS_RESTART_AREA.flags: the log was closed cleanly. */
const CLEANLY_DISMOUNTED = 0x0002
/** No client has records in the log. */
const NO_CLIENT = 0xffff

/** What the restart pages of $LogFile say about the volume. */
export type LogState =
  /** Nothing but 0xff: no log, the state of a new volume. */
  | 'empty'
  /** Closed cleanly. */
  | 'clean'
  /** Windows would replay transactions, so the metadata may be half done. */
  | 'open'
  /** Neither restart page can be read. */
  | 'damaged'

interface RestartPage {
  readonly state: LogState
  /** LSN of the last record when the page was written: the higher one is the newer page. */
  readonly lsn: bigint
}

function restartPage(page: Uint8Array): RestartPage {
  const magic = u32(page, 0)
  if (magic === 0xffff_ffff) return { state: 'empty', lsn: -1n }
  const area = u16(page, 0x18)
  if ((magic !== RSTR && magic !== CHKD) || area < 0x1e || area + 0x30 > page.length) {
    return { state: 'damaged', lsn: -1n }
  }
  const clientInUse = u16(page, area + 0x0c)
  const flags = u16(page, area + 0x0e)
  const clean = clientInUse === NO_CLIENT || (flags & CLEANLY_DISMOUNTED) !== 0
  return { state: clean ? 'clean' : 'open', lsn: big64(page, area) }
}

/**
 * State of the log from its first bytes: the two restart pages of 4096 bytes each, of which the newer one counts. The
 * update sequence words lie at the ends of the sectors, none of them in the fields that are read here.
 */
export function logState(first: Uint8Array): LogState {
  if (first.length < 8192) return 'damaged'
  const a = restartPage(first.subarray(0, 4096))
  const b = restartPage(first.subarray(4096, 8192))
  if (a.state === 'empty' && b.state === 'empty') return 'empty'
  if (a.lsn < 0n && b.lsn < 0n) return 'damaged'
  return a.lsn >= b.lsn ? a.state : b.state
}
