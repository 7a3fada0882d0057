import { DiskError } from '../../error.js'
import { type Attribute, AttributeType } from '../layout/attribute.js'
import { attributeSize, encodeExtent, encodeResident, extentSizeMin } from '../layout/attribute-record.js'
import { setU16 } from '../layout/bytes.js'
import { SystemRecord } from '../layout/reference.js'
import type { Inode } from './inode.js'

/** An attribute record that has found its MFT record. */
export interface Placed {
  readonly attribute: Attribute
  readonly lowestVcn: number
  readonly bytes: Uint8Array
  /** Index into `slots`. */
  readonly slot: number
  readonly instance: number
}

/** One MFT record while it fills. */
export interface Slot {
  free: number
  instances: number
}

/** Distributes the attributes of one file over its base record (slot 0) and as many more as are needed. */
export class Placement {
  readonly slots: Slot[]
  readonly placed: Placed[] = []
  readonly #room: number
  readonly #clusterSize: number

  /**
   * @param room bytes for attributes in a record.
   * @param listRoom bytes of the base record to keep for the attribute list.
   */
  constructor(room: number, listRoom: number, clusterSize: number) {
    this.#room = room
    this.#clusterSize = clusterSize
    // Instance 0 of the base record is the list's.
    this.slots = [{ free: room - listRoom, instances: 1 }]
  }

  #newSlot(): number {
    this.slots.push({ free: this.#room, instances: 0 })
    return this.slots.length - 1
  }

  #put(slotIndex: number, attribute: Attribute, lowestVcn: number, bytes: Uint8Array): void {
    const slot = this.slots[slotIndex] as Slot
    const instance = slot.instances++
    setU16(bytes, 0x0e, instance)
    slot.free -= bytes.length
    this.placed.push({ attribute, lowestVcn, bytes, slot: slotIndex, instance })
  }

  /** The base record, else the last one, else a new one. */
  #slotFor(size: number): number {
    const last = this.slots.length - 1
    if ((this.slots[0] as Slot).free >= size) return 0
    return last > 0 && (this.slots[last] as Slot).free >= size ? last : this.#newSlot()
  }

  #putWhole(slot: number, attribute: Attribute): void {
    if (attribute.value !== null) this.#put(slot, attribute, 0, encodeResident(attribute))
    else this.#put(slot, attribute, 0, encodeExtent(attribute, 0, this.#room, this.#clusterSize).bytes)
  }

  /** Spreads a long runlist over records; the first extent of the $MFT must stay in the base record. */
  #split(attribute: Attribute, startInBase: boolean): void {
    const clusters = attribute.runs?.clusters ?? 0
    let vcn = 0
    do {
      const least = extentSizeMin(attribute)
      const slot = vcn === 0 && startInBase ? 0 : this.#slotFor(least)
      const extent = encodeExtent(attribute, vcn, (this.slots[slot] as Slot).free, this.#clusterSize)
      this.#put(slot, attribute, vcn, extent.bytes)
      vcn = extent.nextVcn
    } while (vcn < clusters)
  }

  place(inode: Inode, attribute: Attribute): void {
    const isMft = inode.number === SystemRecord.MFT && attribute.type === AttributeType.DATA
    const size = attributeSize(attribute, this.#room)
    const base = this.slots[0] as Slot
    if (isMft) {
      if (size <= base.free) this.#putWhole(0, attribute)
      else this.#split(attribute, true)
    } else if (size <= this.#room) this.#putWhole(this.#slotFor(size), attribute)
    else if (attribute.value === null) this.#split(attribute, false)
    else {
      throw new DiskError('EFBIG', `${attribute.label} of ${inode.someName} is too long for an MFT record`, {
        expected: `at most ${this.#room} bytes`,
        actual: size,
      })
    }
  }
}

/** Types that go into the base record first, because every reader looks there before it knows of a list. */
const BASE_FIRST: readonly number[] = [
  AttributeType.STANDARD_INFORMATION,
  AttributeType.INDEX_ROOT,
  AttributeType.BITMAP,
  AttributeType.FILE_NAME,
]

/** Places all attributes; the result is in the order of a list: type, name, VCN. */
export function placeAttributes(
  inode: Inode,
  room: number,
  listRoom: number,
  clusterSize: number,
): Placement {
  const placement = new Placement(room, listRoom, clusterSize)
  const rank = (attribute: Attribute): number => {
    const index = BASE_FIRST.indexOf(attribute.type)
    return index < 0 ? BASE_FIRST.length : index
  }
  const order = [...inode.attributes].sort((a, b) => rank(a) - rank(b))
  for (const attribute of order) placement.place(inode, attribute)
  const position = new Map(inode.attributes.map((attribute, index) => [attribute, index]))
  placement.placed.sort(
    (a, b) =>
      (position.get(a.attribute) as number) - (position.get(b.attribute) as number) ||
      a.lowestVcn - b.lowestVcn,
  )
  return placement
}
