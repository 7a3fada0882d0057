import { u16 } from './bytes.js'

/** Code units that the table maps; one for each UTF-16 value. */
export const UPCASE_UNITS = 65536

/**
 * The case table that Windows has written since Windows Vista, as ranges `start,count,step,difference`: every
 * `step`-th of `count` code units from `start` maps to itself plus `difference`; all others map to themselves. It is
 * data of the format: a runtime's own case tables differ in hundreds of places, and move with Unicode.
 */
const RANGES =
  '97,26,1,-32 224,23,1,-32 248,7,1,-32 255,1,1,121 257,24,2,-1 307,3,2,-1 314,8,2,-1 331,23,2,-1 ' +
  '378,3,2,-1 384,1,1,195 387,2,2,-1 392,1,1,-1 396,1,1,-1 402,1,1,-1 405,1,1,97 409,1,1,-1 ' +
  '410,1,1,163 414,1,1,130 417,3,2,-1 424,1,1,-1 429,1,1,-1 432,1,1,-1 436,2,2,-1 441,1,1,-1 ' +
  '445,1,1,-1 447,1,1,56 454,1,1,-2 457,1,1,-2 460,1,1,-2 462,8,2,-1 477,1,1,-79 479,9,2,-1 ' +
  '499,1,1,-2 501,1,1,-1 505,20,2,-1 547,9,2,-1 572,1,1,-1 578,1,1,-1 583,5,2,-1 592,1,1,10783 ' +
  '593,1,1,10780 595,1,1,-210 596,1,1,-206 598,2,1,-205 601,1,1,-202 603,1,1,-203 608,1,1,-205 ' +
  '611,1,1,-207 616,1,1,-209 617,1,1,-211 619,1,1,10743 623,1,1,-211 625,1,1,10749 626,1,1,-213 ' +
  '629,1,1,-214 637,1,1,10727 640,1,1,-218 643,1,1,-218 648,1,1,-218 649,1,1,-69 650,2,1,-217 ' +
  '652,1,1,-71 658,1,1,-219 881,2,2,-1 887,1,1,-1 891,3,1,130 940,1,1,-38 941,3,1,-37 945,17,1,-32 ' +
  '963,9,1,-32 972,1,1,-64 973,2,1,-63 983,1,1,-8 985,12,2,-1 1010,1,1,7 1016,1,1,-1 1019,1,1,-1 ' +
  '1072,32,1,-32 1104,16,1,-80 1121,17,2,-1 1163,27,2,-1 1218,7,2,-1 1231,1,1,-15 1233,42,2,-1 ' +
  '1377,38,1,-48 7545,1,1,35332 7549,1,1,3814 7681,75,2,-1 7841,48,2,-1 7936,8,1,8 7952,6,1,8 ' +
  '7968,8,1,8 7984,8,1,8 8000,6,1,8 8017,4,2,8 8032,8,1,8 8048,2,1,74 8050,4,1,86 8054,2,1,100 ' +
  '8056,2,1,128 8058,2,1,112 8060,2,1,126 8064,8,1,8 8080,8,1,8 8096,8,1,8 8112,2,1,8 8115,1,1,9 ' +
  '8131,1,1,9 8144,2,1,8 8160,2,1,8 8165,1,1,7 8179,1,1,9 8526,1,1,-28 8560,16,1,-16 8580,1,1,-1 ' +
  '9424,26,1,-26 11312,47,1,-48 11361,1,1,-1 11365,1,1,-10795 11366,1,1,-10792 11368,3,2,-1 ' +
  '11379,1,1,-1 11382,1,1,-1 11393,50,2,-1 11520,38,1,-7264 42561,16,2,-1 42595,6,2,-1 ' +
  '42625,12,2,-1 42787,7,2,-1 42803,31,2,-1 42874,2,2,-1 42879,5,2,-1 42892,1,1,-1 65345,26,1,-32'

let standard: Uint16Array | undefined

/** The table for new volumes. Shared: do not write to it. */
export function standardUpcase(): Uint16Array {
  if (standard !== undefined) return standard
  const table = new Uint16Array(UPCASE_UNITS)
  for (let i = 0; i < UPCASE_UNITS; i++) table[i] = i
  for (const range of RANGES.split(' ')) {
    const [start = 0, count = 0, step = 1, difference = 0] = range.split(',').map(Number)
    for (let i = 0; i < count; i++) table[start + i * step] = start + i * step + difference
  }
  standard = table
  return table
}

/** The table of a volume, from the bytes of its $UpCase; code units beyond a short file map to themselves. */
export function parseUpcase(bytes: Uint8Array): Uint16Array {
  const table = new Uint16Array(UPCASE_UNITS)
  const units = Math.min(UPCASE_UNITS, bytes.length >> 1)
  for (let i = 0; i < UPCASE_UNITS; i++) table[i] = i < units ? u16(bytes, 2 * i) : i
  return table
}

/** A name as comparisons see it. */
export function fold(name: string, upcase: Uint16Array): string {
  let folded = ''
  for (let i = 0; i < name.length; i++) folded += String.fromCharCode(upcase[name.charCodeAt(i)] as number)
  return folded
}
