import { namesOf } from '../files/names-of.js'
import { type Attribute, AttributeFlag, AttributeType } from '../layout/attribute.js'
import { attributeSize } from '../layout/attribute-record.js'
import { isBlank, RecordFlag, readRecord } from '../layout/file-record.js'
import { FIRST_USER_RECORD, SystemRecord } from '../layout/reference.js'
import { HOLE } from '../layout/runlist.js'
import { FileAttribute } from '../layout/standard-information.js'
import type { Core } from '../volume/core.js'
import type { Inode } from '../volume/inode.js'
import { loadInode } from '../volume/inode-load.js'
import type { Findings } from './findings.js'

/** What a pass over the MFT has learned. */
export interface Survey {
  /** Base records in use. */
  readonly files: number[]
  /** Extension records in use and their base. */
  readonly extensions: Map<number, number>
  /** One bit per cluster that a file has. */
  readonly clusters: Uint8Array
}

function claim(survey: Survey, findings: Findings, inode: Inode, attribute: Attribute): void {
  if (attribute.runs === null) return
  for (const { lcn, length } of attribute.runs) {
    if (lcn === HOLE) continue
    for (let at = lcn; at < lcn + length; at++) {
      const mask = 1 << (at & 7)
      if (((survey.clusters[at >> 3] as number) & mask) !== 0) {
        findings.add(`cluster ${at} of ${attribute.label} belongs to another stream too`, inode.number)
        break
      }
      survey.clusters[at >> 3] = (survey.clusters[at >> 3] as number) | mask
    }
  }
}

function checkSizes(core: Core, findings: Findings, inode: Inode, attribute: Attribute): void {
  if (attribute.runs === null) return
  const { clusterSize } = core.storage.geometry
  const { number } = inode
  findings.equal(
    `allocated size of ${attribute.label}`,
    number,
    attribute.runs.clusters * clusterSize,
    attribute.allocatedSize,
  )
  const holes = attribute.runs.allocated !== attribute.runs.clusters
  const bad = number === SystemRecord.BAD_CLUSTERS
  if (holes && !bad && !attribute.sparse && !attribute.compressed) {
    findings.add(`${attribute.label} has holes without the sparse flag`, number)
  }
}

function checkFlags(findings: Findings, inode: Inode): void {
  const data = inode.find(AttributeType.DATA)
  if (data === undefined || inode.number < FIRST_USER_RECORD) return
  const { attributes } = inode.standardInformation
  const pairs = [
    [AttributeFlag.SPARSE, FileAttribute.SPARSE_FILE],
    [AttributeFlag.COMPRESSED, FileAttribute.COMPRESSED],
    [AttributeFlag.ENCRYPTED, FileAttribute.ENCRYPTED],
  ] as const
  for (const [flag, attribute] of pairs) {
    findings.equal(
      `flag 0x${flag.toString(16)} of $DATA in $STANDARD_INFORMATION`,
      inode.number,
      (data.flags & flag) !== 0,
      (attributes & attribute) !== 0,
    )
  }
}

function checkOrder(core: Core, findings: Findings, inode: Inode): void {
  let before: Attribute | null = null
  for (const attribute of inode.attributes) {
    if (before !== null) {
      const same = before.type === attribute.type
      const ordered =
        before.type < attribute.type || (same && core.fold(before.name) <= core.fold(attribute.name))
      if (!ordered) findings.add(`${attribute.label} stands behind ${before.label}`, inode.number)
      const twice = same && before.name === attribute.name && attribute.type !== AttributeType.FILE_NAME
      if (twice) findings.add(`${attribute.label} stands there twice`, inode.number)
    }
    before = attribute
  }
}

/** Attribute instances are unique in a record and below the next one. */
function checkInstances(core: Core, findings: Findings, number: number): void {
  const { bytes, position } = core.mft.readRaw(number)
  const { header, extents } = readRecord(bytes, core.storage.limits, position)
  const seen = new Set<number>()
  for (const { attribute } of extents) {
    if (seen.has(attribute.instance)) findings.add(`instance ${attribute.instance} is used twice`, number)
    if (attribute.instance >= header.nextInstance) {
      findings.add('an attribute instance', number, `below ${header.nextInstance}`, attribute.instance)
    }
    seen.add(attribute.instance)
  }
}

function checkFile(core: Core, findings: Findings, survey: Survey, number: number): void {
  const inode = loadInode(core.mft, number)
  survey.files.push(number)
  for (const { number: extension } of inode.extensions) survey.extensions.set(extension, number)
  for (const attribute of inode.attributes) {
    claim(survey, findings, inode, attribute)
    checkSizes(core, findings, inode, attribute)
    if (attribute.value !== null && attributeSize(attribute, 1 << 20) > core.storage.geometry.recordSize) {
      findings.add(`${attribute.label} is longer than a record`, number)
    }
  }
  if (inode.list !== null) claim(survey, findings, inode, inode.list)
  checkOrder(core, findings, inode)
  checkInstances(core, findings, number)
  for (const { number: extension } of inode.extensions) checkInstances(core, findings, extension)
  findings.equal('link count', number, namesOf(inode).length, inode.linkCount)
  checkFlags(findings, inode)
}

/** Reads every record of the MFT, checks each file by itself, and collects who has which cluster. */
export function checkRecords(core: Core, findings: Findings): Survey {
  const clusters = new Uint8Array(Math.ceil(core.storage.geometry.totalClusters / 8))
  const survey: Survey = { files: [], extensions: new Map(), clusters }
  const found = new Map<number, number>()
  for (let number = 0; number < core.mft.recordCount; number++) {
    findings.guard(number, () => {
      const { bytes, position } = core.mft.readRaw(number)
      const used = core.records.isUsed(number)
      if (isBlank(bytes)) {
        if (used) findings.add('a blank record is marked as used', number)
        return
      }
      const { header } = readRecord(bytes, core.storage.limits, position)
      const inUse = (header.flags & RecordFlag.IN_USE) !== 0
      findings.equal('bit in $MFT:$BITMAP', number, inUse, used)
      if (!inUse) return
      if (header.base.number !== 0 || header.base.sequence !== 0) found.set(number, header.base.number)
      else checkFile(core, findings, survey, number)
    })
  }
  for (const [number, base] of found) {
    if (survey.extensions.get(number) !== base)
      findings.add('an extension record that its file does not list', number)
  }
  return survey
}
