import type { BlockSource } from '../../source/source.js'
import { descriptorOf } from '../files/security.js'
import { AttributeType } from '../layout/attribute.js'
import { BOOT_SECTOR_SIZE } from '../layout/boot-sector.js'
import { sameBytes } from '../layout/bytes.js'
import { SystemRecord } from '../layout/reference.js'
import { HOLE } from '../layout/runlist.js'
import { VolumeFlag } from '../layout/volume-information.js'
import type { Core } from '../volume/core.js'
import { loadInode } from '../volume/inode-load.js'
import { MIRRORED_RECORDS } from '../volume/mft.js'
import { openCore } from '../volume/open.js'
import { readStream } from '../volume/stream.js'
import { checkDirectories } from './check-directories.js'
import { checkRecords, type Survey } from './check-records.js'
import { type Finding, Findings } from './findings.js'

export interface CheckResult {
  /** No finding at all. */
  readonly clean: boolean
  /** Findings in all; `findings` keeps the first 1000. */
  readonly count: number
  readonly findings: readonly Finding[]
  readonly files: number
  readonly usedClusters: number
}

function checkBitmap(core: Core, findings: Findings, survey: Survey): number {
  const { totalClusters } = core.storage.geometry
  let used = 0
  let lost = 0
  let missing = 0
  for (let lcn = 0; lcn < totalClusters; lcn++) {
    const owned = ((survey.clusters[lcn >> 3] as number) & (1 << (lcn & 7))) !== 0
    const marked = core.clusters.isUsed(lcn)
    if (owned) used++
    if (marked && !owned) lost++
    if (owned && !marked) missing++
  }
  findings.equal('clusters marked as used that no file has', SystemRecord.BITMAP, 0, lost)
  findings.equal('clusters of files that are marked as free', SystemRecord.BITMAP, 0, missing)
  return used
}

export function checkMirror(core: Core, findings: Findings): void {
  const { recordSize } = core.storage.geometry
  const mirror = loadInode(core.mft, SystemRecord.MFT_MIRROR).need(AttributeType.DATA)
  const first = mirror.runs?.from(0)
  findings.equal(
    'cluster of $MFTMirr in the boot sector',
    SystemRecord.MFT_MIRROR,
    first?.lcn ?? HOLE,
    core.storage.geometry.mirrorLcn,
  )
  for (let number = 0; number < MIRRORED_RECORDS; number++) {
    const copy = new Uint8Array(recordSize)
    readStream(core.storage, mirror, number * recordSize, copy, 0, recordSize, 'cache')
    if (!sameBytes(copy, core.mft.readRaw(number).bytes)) findings.add('the copy in $MFTMirr differs', number)
  }
}

export function checkBackup(core: Core, findings: Findings): void {
  const { source, geometry } = core.storage
  const position = geometry.totalSectors * geometry.sectorSize
  if (position + BOOT_SECTOR_SIZE > source.size) {
    findings.add(
      'no room for the backup of the boot sector behind the volume',
      SystemRecord.BOOT,
      position,
      source.size,
    )
    return
  }
  const first = new Uint8Array(BOOT_SECTOR_SIZE)
  const backup = new Uint8Array(BOOT_SECTOR_SIZE)
  source.readSync(0, first)
  source.readSync(position, backup)
  if (!sameBytes(first, backup)) findings.add('the backup of the boot sector differs', SystemRecord.BOOT)
}

function checkSecurity(core: Core, findings: Findings, survey: Survey): void {
  const known = new Set<number>()
  for (const number of survey.files) {
    findings.guard(number, () => {
      const inode = loadInode(core.mft, number)
      const id =
        inode.find(AttributeType.STANDARD_INFORMATION) === undefined
          ? 0
          : inode.standardInformation.securityId
      if (known.has(id)) return
      if (id !== 0) known.add(id)
      descriptorOf(core, inode)
    })
  }
}

/**
 * Checks the structure of a volume, without changing anything: boot sectors, every MFT record, who has which cluster
 * against $Bitmap, every index against the files it names, mirror, security descriptors.
 *
 * @throws `EUCLEAN` when the volume cannot be opened at all.
 */
export function check(source: BlockSource): CheckResult {
  const { core, information, warnings } = openCore(source, { readOnly: true })
  const findings = new Findings()
  for (const warning of warnings) findings.add(warning)
  if ((information.flags & ~VolumeFlag.DIRTY & 0x7) !== 0) {
    findings.add('flags of $Volume', SystemRecord.VOLUME, 0, information.flags)
  }
  checkBackup(core, findings)
  const survey = checkRecords(core, findings)
  const usedClusters = checkBitmap(core, findings, survey)
  findings.guard(SystemRecord.MFT_MIRROR, () => checkMirror(core, findings))
  checkDirectories(core, findings, survey)
  checkSecurity(core, findings, survey)
  return {
    clean: findings.count === 0,
    count: findings.count,
    findings: findings.list,
    files: survey.files.length,
    usedClusters,
  }
}
