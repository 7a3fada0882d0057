import { setBig64, setU32, setUtf16 } from '../layout/bytes.js'

/** Flags of $AttrDef: may be indexed, must be resident, may be non-resident and is logged. */
const INDEXABLE = 0x02
const RESIDENT = 0x40
const LOGGED = 0x80

const ANY = 0xffff_ffff_ffff_ffffn

/** Name, type, flags, least and most bytes: what Windows XP to 11 and mkntfs write. */
const DEFINITIONS: readonly (readonly [string, number, number, bigint, bigint])[] = [
  ['$STANDARD_INFORMATION', 0x10, RESIDENT, 48n, 72n],
  ['$ATTRIBUTE_LIST', 0x20, LOGGED, 0n, ANY],
  ['$FILE_NAME', 0x30, RESIDENT | INDEXABLE, 68n, 578n],
  ['$OBJECT_ID', 0x40, RESIDENT, 0n, 256n],
  ['$SECURITY_DESCRIPTOR', 0x50, LOGGED, 0n, ANY],
  ['$VOLUME_NAME', 0x60, RESIDENT, 2n, 256n],
  ['$VOLUME_INFORMATION', 0x70, RESIDENT, 12n, 12n],
  ['$DATA', 0x80, 0, 0n, ANY],
  ['$INDEX_ROOT', 0x90, RESIDENT, 0n, ANY],
  ['$INDEX_ALLOCATION', 0xa0, LOGGED, 0n, ANY],
  ['$BITMAP', 0xb0, LOGGED, 0n, ANY],
  ['$REPARSE_POINT', 0xc0, LOGGED, 0n, 16384n],
  ['$EA_INFORMATION', 0xd0, RESIDENT, 8n, 8n],
  ['$EA', 0xe0, 0, 0n, 65536n],
  ['$LOGGED_UTILITY_STREAM', 0x100, LOGGED, 0n, 65536n],
]

/** Bytes of a definition. */
const DEFINITION = 160

/** The contents of $AttrDef, with an empty definition at the end. */
export function attributeDefinitions(): Uint8Array {
  const b = new Uint8Array(DEFINITION * (DEFINITIONS.length + 1))
  DEFINITIONS.forEach(([name, type, flags, least, most], index) => {
    const o = index * DEFINITION
    setUtf16(b, o, name)
    setU32(b, o + 0x80, type)
    setU32(b, o + 0x8c, flags)
    setBig64(b, o + 0x90, least)
    setBig64(b, o + 0x98, most)
  })
  return b
}
