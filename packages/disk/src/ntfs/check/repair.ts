import { DiskError } from '../../error.js'
import type { BlockSource } from '../../source/source.js'
import { attachName, createFile } from '../files/create.js'
import { lookupReference } from '../files/directory.js'
import { setVolumeInformation } from '../files/metadata.js'
import { namesOf, updateNames } from '../files/names-of.js'
import { securityIdFor } from '../files/security.js'
import { AttributeType } from '../layout/attribute.js'
import { encodeBootSector } from '../layout/boot-sector.js'
import { isBlank, RecordFlag, readRecordHeader } from '../layout/file-record.js'
import { FIRST_USER_RECORD, SystemRecord } from '../layout/reference.js'
import { openDescriptor } from '../layout/security-descriptor.js'
import { encodeVolumeInformation, VolumeFlag } from '../layout/volume-information.js'
import { removeAttribute } from '../volume/attributes.js'
import type { Core } from '../volume/core.js'
import { flushCore } from '../volume/flush.js'
import type { Inode } from '../volume/inode.js'
import { emptyLog } from '../volume/log.js'
import { isWritten, openCore, type VolumeOptions } from '../volume/open.js'
import { type CheckResult, check, checkBackup, checkMirror } from './check.js'
import { checkRecords, type Survey } from './check-records.js'
import { Findings } from './findings.js'
import { type ClaimedName, isSound, rebuildDirectory } from './rebuild-directory.js'

export interface RepairResult {
  /** What was done, one sentence each. */
  readonly repaired: readonly string[]
  /** The check after the repair: what it still finds could not be mended. */
  readonly check: CheckResult
}

/** Where files go that no directory knows, as Windows' chkdsk names it. */
const FOUND = 'found.000'

/** One run of a repair. */
class Repair {
  readonly core: Core
  readonly repaired: string[] = []
  #survey: Survey = { files: [], extensions: new Map(), clusters: new Uint8Array(0) }
  readonly #files = new Map<number, Inode>()

  constructor(core: Core) {
    this.core = core
  }

  /** Records: the bitmap follows the records, damaged ones are given up, and so are parts without a file. */
  records(): void {
    const { core } = this
    this.#survey = checkRecords(core, new Findings())
    const good = new Set([...this.#survey.files, ...this.#survey.extensions.keys()])
    for (let number = 0; number < core.mft.recordCount; number++) {
      if (good.has(number)) {
        if (!core.records.isUsed(number)) {
          core.records.set(number, true)
          this.repaired.push(`MFT record ${number} is marked as used`)
        }
        continue
      }
      // 16 to 23 and free records keep what they have; records of the volume itself are not given up.
      const wasUsed = this.#claimsUse(number)
      if (!wasUsed && !core.records.isUsed(number)) continue
      if (number < SystemRecord.EXTEND + 1) {
        throw new DiskError('EUCLEAN', `MFT record ${number} of the volume itself is damaged`, {
          cure: 'Copy what can be read to a new volume',
        })
      }
      if (wasUsed) core.records.writeFree(number, 1, 1)
      core.records.set(number, false)
      this.repaired.push(`damaged or unused MFT record ${number} is free`)
    }
    const changed = core.clusters.replace(this.#survey.clusters)
    if (changed > 0) this.repaired.push(`$Bitmap is right for ${changed} clusters`)
  }

  #claimsUse(number: number): boolean {
    const { bytes, position } = this.core.mft.readRaw(number)
    if (isBlank(bytes)) return false
    try {
      return (readRecordHeader(bytes, position).flags & RecordFlag.IN_USE) !== 0
    } catch {
      return true
    }
  }

  /** Names: every directory has those that files claim, and files without one go to `found.000`. */
  names(): void {
    const { core } = this
    for (const number of this.#survey.files) this.#files.set(number, core.inode(number))
    const byDirectory = new Map<Inode, ClaimedName[]>()
    const homeless: Inode[] = []
    for (const inode of this.#files.values()) {
      if (inode.isDirectory) byDirectory.set(inode, byDirectory.get(inode) ?? [])
      const named = this.#claim(inode, byDirectory)
      if (!named && inode.number >= FIRST_USER_RECORD) homeless.push(inode)
    }
    for (const [directory, names] of byDirectory) {
      if (isSound(core, directory, names)) continue
      for (const { inode, fileName } of rebuildDirectory(core, directory, names)) {
        this.#strip(inode, (name) => name === fileName.name)
        if (namesOf(inode).length === 0) homeless.push(inode)
      }
      this.repaired.push(`the index of directory ${directory.number} (${directory.someName}) is made anew`)
    }
    for (const inode of homeless) this.#house(inode)
    for (const inode of this.#files.values()) this.#count(inode)
  }

  /** Adds the names of a file to their directories; names in directories that do not exist are taken off. */
  #claim(inode: Inode, byDirectory: Map<Inode, ClaimedName[]>): boolean {
    let named = false
    for (const { attribute, fileName } of namesOf(inode)) {
      const parent = this.#files.get(fileName.parent.number)
      const { sequence } = fileName.parent
      if (parent?.isDirectory !== true || (sequence !== 0 && sequence !== parent.sequence)) {
        removeAttribute(this.core, inode, attribute)
        this.repaired.push(
          `name '${fileName.name}' in a directory that is gone is taken off MFT record ${inode.number}`,
        )
        continue
      }
      const names = byDirectory.get(parent)
      if (names === undefined) byDirectory.set(parent, [{ inode, fileName }])
      else names.push({ inode, fileName })
      named = true
    }
    return named
  }

  #strip(inode: Inode, which: (name: string) => boolean): void {
    for (const { attribute, fileName } of namesOf(inode)) {
      if (which(fileName.name)) removeAttribute(this.core, inode, attribute)
    }
  }

  #house(inode: Inode): void {
    const { core } = this
    const root = core.inode(SystemRecord.ROOT)
    const known = lookupReference(core, root, FOUND)
    const securityId = securityIdFor(core, openDescriptor())
    const found =
      known === null ? createFile(core, root, FOUND, { directory: true, securityId }) : core.open(known)
    const name = `${inode.isDirectory ? 'dir' : 'file'}${`${inode.number}`.padStart(4, '0')}.chk`
    attachName(core, inode, found, name)
    this.repaired.push(`MFT record ${inode.number} without a name is ${FOUND}/${name}`)
  }

  #count(inode: Inode): void {
    const links = namesOf(inode).length
    if (inode.linkCount === links) return
    this.repaired.push(`link count of MFT record ${inode.number} is ${links}, not ${inode.linkCount}`)
    inode.linkCount = links
    this.core.touch(inode)
  }

  /** Notes which copies differ; `finish` writes them all again. */
  copies(): void {
    const findings = new Findings()
    findings.guard(SystemRecord.MFT_MIRROR, () => checkMirror(this.core, findings))
    checkBackup(this.core, findings)
    for (const { what } of findings.list) this.repaired.push(`copied again: ${what}`)
  }

  /** Writes everything, the mirror and both boot sectors included. */
  finish(flags: number, version: readonly [number, number]): void {
    const { core } = this
    const { storage, mft } = core
    mft.mirrorBehind = true
    const [majorVersion, minorVersion] = version
    setVolumeInformation(
      core,
      encodeVolumeInformation({ majorVersion, minorVersion, flags: flags & ~VolumeFlag.DIRTY }),
    )
    flushCore(core, (inode) => updateNames(core, inode), false)
    const { geometry, source } = storage
    const boot = new Uint8Array(512)
    source.readSync(0, boot)
    const signature = Buffer.from(boot.subarray(3, 11)).toString('latin1')
    if (signature !== 'NTFS    ') {
      source.writeSync(0, encodeBootSector(geometry))
      source.readSync(0, boot)
      this.repaired.push('the boot sector is written again')
    }
    const position = geometry.totalSectors * geometry.sectorSize
    if (position + boot.length <= source.size) source.writeSync(position, boot)
    source.flushSync()
  }
}

/**
 * Mends what Windows' chkdsk would: finishes a flush that was cut off, makes the bitmaps follow the records, gives up
 * records that cannot be read, makes damaged directory indexes anew, puts files without a name into `found.000`,
 * corrects link counts, mirror and boot sectors, empties the log and takes the dirty mark away.
 *
 * @throws `EUCLEAN` when the volume's own files are too damaged for that; `EROFS` for a read-only source.
 */
export function repair(source: BlockSource, options: Pick<VolumeOptions, 'clock'> = {}): RepairResult {
  if (source.readOnly) throw new DiskError('EROFS', 'a repair needs a source that can be written')
  const { core, information, log, warnings } = openCore(source, { ...options, force: true })
  if (!isWritten(information)) {
    throw new DiskError(
      'ENOTSUP',
      `NTFS ${information.majorVersion}.${information.minorVersion} is read, not written`,
    )
  }
  if (core.inode(SystemRecord.LOG_FILE).find(AttributeType.DATA) === undefined) {
    throw new DiskError('EUCLEAN', 'the volume has no $LogFile')
  }
  const run = new Repair(core)
  run.repaired.push(...warnings)
  if (log !== 'empty') emptyLog(core)
  run.copies()
  run.records()
  run.names()
  run.finish(information.flags, [information.majorVersion, information.minorVersion])
  return { repaired: run.repaired, check: check(source) }
}
