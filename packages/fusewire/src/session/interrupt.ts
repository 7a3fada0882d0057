import { readFileSync } from 'node:fs'

/** What an interrupted caller is doing, as far as /proc tells. */
export type CallerState = 'dying' | 'interrupted' | 'harmless'

/**
 * Signals that interrupt a wait but that no program expects to end a file operation: CHLD, CONT, URG (Go's scheduler
 * sends it all the time), VTALRM, PROF, WINCH. Bit n-1 stands for signal n, as in /proc/PID/status.
 */
const HARMLESS = [17, 18, 23, 26, 27, 28].reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n)
const SIGKILL = 1n << 8n

/**
 * Why the kernel sent an INTERRUPT. A fatal signal shows as a pending SIGKILL in every thread of the process; others
 * show as themselves. A process that cannot be seen (another pid namespace, already gone) counts as interrupted.
 */
export function callerState(pid: number): CallerState {
  if (pid === 0) return 'interrupted'
  let status: string
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1')
  } catch {
    return 'interrupted'
  }
  const pending = signals(status, 'SigPnd') | signals(status, 'ShdPnd')
  if ((pending & SIGKILL) !== 0n) return 'dying'
  const blocked = signals(status, 'SigBlk')
  const urgent = pending & ~blocked & ~HARMLESS
  return urgent === 0n && pending !== 0n ? 'harmless' : 'interrupted'
}

function signals(status: string, field: string): bigint {
  const match = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, 'm').exec(status)
  return match?.[1] === undefined ? 0n : BigInt(`0x${match[1]}`)
}
