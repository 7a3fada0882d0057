import { addon } from './load.js'

/** Handle of a pump; ends with {@link DeviceCalls.pumpStop} or by itself at the end of the connection. */
export interface Pump {
  readonly __pump: never
}

/** Handle of a notifier; ends with {@link DeviceCalls.notifierStop}. */
export interface Notifier {
  readonly __notifier: never
}

/** Memory that the addon may read or fill. Offsets and lengths are always in bytes. */
export type Bytes = Uint8Array | Uint32Array | DataView

/** How many objects of each kind the addon keeps in this process, all threads together. */
export interface LiveCounts {
  /** Main thread and workers that have loaded the addon and not ended. */
  environments: number
  /** Pumps whose handle is open or still referenced. */
  pumps: number
  notifiers: number
  /** Calls given to the thread pool and not completed. */
  jobs: number
  /** Threads of the pool and of notifiers; they end 5 s after their last work, or when stopped. */
  threads: number
}

/**
 * The FUSE device. Every function returns 0, a count or a descriptor, or a negative errno number; an argument of the
 * wrong type, or a range outside of its array, throws a TypeError.
 */
export interface DeviceCalls {
  /** open(2) with O_RDWR, O_CLOEXEC and O_NONBLOCK: a descriptor. -ENOENT, -ENODEV (no driver), -EACCES, -EMFILE. */
  openDevice(path: string | Uint8Array): number
  /** close(2). Stop the pump of this descriptor first. -EBADF. */
  closeFd(fd: number): number
  /**
   * Opens `path` (the device node) and ties it to the connection of `fd` by FUSE_DEV_IOC_CLONE: another descriptor that
   * serves the same queue; a reply must go out by the descriptor that read the request. -EPERM: `fd` is not mounted.
   */
  cloneDevice(fd: number, path: string | Uint8Array): number
  /**
   * One read(2): one whole request. `length` must be at least max(8192, 80 + max_write), else -EINVAL.
   * -EAGAIN: none is queued; -ENODEV, -ECONNABORTED: the connection has ended; -EPERM: not mounted yet.
   */
  readDevice(fd: number, buffer: Bytes, offset: number, length: number): number
  /**
   * One write(2): one whole reply or notification; never partial. -ENOENT: no such unanswered request on `fd`;
   * -EINVAL: the kernel refuses the form of the message.
   */
  writeOne(fd: number, buffer: Bytes, offset: number, length: number): number
  /** One writev(2) of a head and a body: for replies whose data lies elsewhere. Errors as {@link writeOne}. */
  writeTwo(
    fd: number,
    head: Bytes,
    headOffset: number,
    headLength: number,
    body: Bytes,
    bodyOffset: number,
    bodyLength: number,
  ): number
  /** One writev(2) of the first `count` parts, 64 at most (else -EINVAL). Errors as {@link writeOne}. */
  writeDevice(fd: number, parts: readonly Bytes[], count: number): number
  /**
   * A pair of SOCK_SEQPACKET sockets, non-blocking. One read is one message, as with the device, so a session can be
   * driven through descriptors without a mount. A message may have up to about 200 KiB (net.core.wmem_default).
   */
  socketPair(): [number, number] | number

  /**
   * Reads requests from `fd` into `rx` on the event loop and calls `onRequest(bytes)` for each. A positive result is
   * the length of the reply that `onRequest` left at the start of `reply`: it is written at once; 0 means that the
   * answer comes by {@link writeOne} and its like, or that there is none. Up to 64 requests are served in a turn
   * of the loop, in one callback scope: promise reactions run after the last of them.
   *
   * `onEnd(error)` is the last call: the negative errno of read(2) that ended the connection (-ENODEV unmounted,
   * -ECONNABORTED aborted, -EINVAL `rx` too small, -EPERM not mounted yet), 0 at the end of a socket stream, or -EFAULT
   * when the memory of `rx` was given away. EINTR, ENOENT and EAGAIN are handled within. `onWriteError(error)` hears of
   * replies that the kernel refused; -ENOENT is normal for a request that was interrupted or aborted.
   *
   * The pump keeps its buffers, its functions and the process alive until its end. `fd` stays the caller's: stop the
   * pump, then close it. Only where a worker or the process ends under a running pump is it closed by the pump, which
   * ends the connection. Not between FUSE_DEV_IOC_SYNC_INIT and mount(2): there even poll(2) blocks.
   *
   * @returns a handle, or -errno: -EEXIST when this descriptor has a pump, -EBADF, -EPERM for a regular file
   */
  pumpStart(
    fd: number,
    rx: Bytes,
    reply: Bytes,
    onRequest: (bytes: number) => number,
    onEnd: (error: number) => void,
    onWriteError?: (error: number) => void,
  ): Pump | number
  /** The next request goes into `rx`. Allowed inside of `onRequest`, which then owns the old one. -EBADF: ended. */
  pumpSetRx(pump: Pump, rx: Bytes): number
  /** Replies are taken from `reply` from now on, also the one that the running `onRequest` returns. -EBADF: ended. */
  pumpSetReply(pump: Pump, reply: Bytes): number
  /** No further request is read until {@link pumpResume}; the end of a FUSE connection is still noticed. -EBADF: ended. */
  pumpPause(pump: Pump): number
  pumpResume(pump: Pump): number
  /** As the methods of a timer: whether the pump keeps the event loop alive. It does at first. */
  pumpRef(pump: Pump): number
  pumpUnref(pump: Pump): number
  /** Ends it without `onEnd`; nothing is written after it, `fd` may be closed at once. May be called again: 0. */
  pumpStop(pump: Pump): number

  /**
   * Writes notifications to a duplicate of `fd` from a thread of its own, in order. In the kernel such a write waits for
   * locks that a task may hold while it waits for a reply of this process: the event loop must not do it.
   * `onDone(id, result)` tells the result of each, 0 or the negative errno of write(2): -ENOENT nothing of the kind is cached.
   * Keeps neither the process nor the loop alive. The thread starts with the first message.
   */
  notifierStart(fd: number, onDone: (id: number, result: number) => void): Notifier | number
  /**
   * Queues a copy of `bytes`. -EAGAIN: 4096 messages or 8 MiB wait for their `onDone` already (a single larger message is
   * taken when none waits); -EBADF: stopped.
   */
  notifierSend(notifier: Notifier, bytes: Bytes, id: number): number
  /**
   * Drops what is queued; `onDone` is not called again. Idempotent. -EBUSY: the thread sits in a write. It is left to
   * itself, and with it a reference to the connection: abort that (fusectl, umount -f) if it must end now.
   */
  notifierStop(notifier: Notifier): number

  liveCounts(): LiveCounts
}

/** The device calls of the addon, without a wrapper around them: keep the result, do not call this per request. */
export function deviceCalls(): DeviceCalls {
  return addon<DeviceCalls>()
}
