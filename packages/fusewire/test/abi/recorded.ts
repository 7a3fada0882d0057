import { readFileSync } from 'node:fs'
import { dataFile } from './reference.js'

export interface RecordedPart {
  /** C name of a struct, or 'name', 'payload', 'extensions'. */
  readonly kind: string
  readonly bytes: Uint8Array
  /** Values by field name, nested as `lk.start`; empty for parts that are no struct. */
  readonly fields: ReadonlyMap<string, bigint>
  /** The text of a name; null when it is no UTF-8, or for parts that are no name. */
  readonly text: string | null
}

export interface RecordedRequest {
  readonly mount: 'modern' | 'legacy' | 'blk'
  readonly opcode: string
  readonly parts: readonly RecordedPart[]
  readonly bytes: Uint8Array
}

/** The requests in data/recorded.txt; the file says how it is written. */
export function loadRecorded(): RecordedRequest[] {
  const requests: RecordedRequest[] = []
  let parts: RecordedPart[] = []
  let head: string[] = []
  const finish = () => {
    if (head.length === 0) return
    const bytes = Uint8Array.from(parts.flatMap((part) => [...part.bytes]))
    requests.push({ mount: head[1] as RecordedRequest['mount'], opcode: head[2] ?? '', parts, bytes })
  }
  for (const line of readFileSync(dataFile('recorded.txt'), 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('request ')) {
      finish()
      head = line.split(' ')
      parts = []
    } else {
      parts.push(parsePart(line))
    }
  }
  finish()
  return requests
}

function parsePart(line: string): RecordedPart {
  const match = /^(\w+) ([0-9a-f ]+?) ?\|(?: (.*))?$/.exec(line)
  if (match === null) throw new Error(`recorded.txt: cannot read line ${line}`)
  const [, kind = '', hex = '', value = ''] = match
  const bytes = Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  if (kind === 'name') {
    return {
      kind,
      bytes,
      fields: new Map(),
      text: value === 'invalid' ? null : (JSON.parse(value) as string),
    }
  }
  const entries = value === '' ? [] : value.split(' ').map((entry) => entry.split('='))
  return { kind, bytes, fields: new Map(entries.map(([k, v]) => [k ?? '', BigInt(v ?? '')])), text: null }
}
