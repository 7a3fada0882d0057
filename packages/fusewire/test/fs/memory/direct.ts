import type { ReplyArea, RequestArea } from '../../../src/api/area.js'

/** Memory for a reply that no session stands behind. */
export function replyArea(bytes: number): ReplyArea {
  const replyWords = new Uint32Array(Math.ceil(bytes / 4) + 8)
  return {
    replyWords,
    replyBytes: new Uint8Array(replyWords.buffer),
    body: 4,
    bodyLimit: bytes,
    pinReply: () => {},
  }
}

/** Memory for a request: a header and room for any fixed struct. */
export function requestArea(): RequestArea {
  return { words: new Uint32Array(64), header: 0, op: 10 }
}
