import { errno } from './errno.js'
import type { RequestFrame } from './frame.js'
import { Op } from './gen/opcodes.js'
import {
  FORGET_ONE_SIZE,
  FORGET_ONE_WORDS,
  forgetIn_nlookup,
  forgetOne_nlookup,
  forgetOne_nodeid,
  forgetOne_ok,
  inHeader_nodeid,
} from './gen/structs.js'

/**
 * Calls `visit` for every node of a checked FORGET or BATCH_FORGET: its lookup count goes down by `nlookup`.
 *
 * @returns 0, or -ESTALE when a node id or count of 2^53 or more was passed over: we never gave it out, and forgetting
 * the others must not fail for it.
 */
export function eachForget(
  u: Uint32Array,
  frame: RequestFrame,
  visit: (nodeid: number, nlookup: number) => void,
): number {
  if (frame.row?.number !== Op.BATCH_FORGET) {
    visit(inHeader_nodeid(u, frame.h), forgetIn_nlookup(u, frame.op))
    return 0
  }
  let result = 0
  const first = frame.payload >> 2
  const end = first + Math.floor(frame.payloadLength / FORGET_ONE_SIZE) * FORGET_ONE_WORDS
  for (let one = first; one < end; one += FORGET_ONE_WORDS) {
    if (forgetOne_ok(u, one)) visit(forgetOne_nodeid(u, one), forgetOne_nlookup(u, one))
    else result = -errno.ESTALE
  }
  return result
}
