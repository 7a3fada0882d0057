/**
 * Where a request lies: the words of its frame, the word index of its header (`fuse_in_header`) and of its fixed
 * struct. The transport decides where that is; a request that waits may move once, so nothing may keep `words`.
 */
export interface RequestArea {
  words: Uint32Array
  /** Word index of `fuse_in_header`. */
  header: number
  /** Word index of the opcode's fixed struct, directly behind the header on `/dev/fuse`. */
  op: number
}

/** Where the reply's body is built: out-objects write straight into it, so a reply costs no copy. */
export interface ReplyArea {
  replyWords: Uint32Array
  replyBytes: Uint8Array
  /** Word index of the reply's body. */
  body: number
  /** Bytes that the body may have at the most. */
  readonly bodyLimit: number
  /**
   * Says that somebody outside holds a view of the reply memory, so that the memory may not be moved or shared
   * before the reply is sent.
   */
  pinReply(): void
}
