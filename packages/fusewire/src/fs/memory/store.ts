import { errno } from '../../api/errors.js'
import { Clock } from '../common/clock.js'
import { S } from '../common/constants.js'
import { LockManager } from '../common/locks.js'
import { NodeTable } from '../common/node-table.js'
import { Content } from './content.js'
import { Directory } from './directory.js'
import { Inode } from './inode.js'
import type { Settings } from './options.js'
import { Space } from './space.js'

/** Everything that one memory filesystem holds. */
export class Store {
  readonly settings: Settings
  readonly nodes = new NodeTable<Inode>()
  readonly clock = new Clock()
  readonly locks = new LockManager()
  readonly space: Space
  readonly root: Inode

  constructor(settings: Settings) {
    this.settings = settings
    this.space = new Space(settings.blockLimit, settings.inodeLimit, settings.limitsOf)
    const root = this.make(S.IFDIR | settings.mode, settings.uid, settings.gid)
    if (typeof root === 'number')
      throw new RangeError("memory(): the quota of the root directory's owner has no inode for it")
    this.root = root
    root.nlink = 2
    root.parent = root
  }

  /** Makes a node without a name, which its caller links or gives up. A negative errno when no inode is left. */
  make(mode: number, uid: number, gid: number): Inode | number {
    this.clock.tick()
    const account = this.space.accountOf(uid)
    const result = account.takeInode()
    if (result < 0) return result
    const node = new Inode(mode, uid, gid, account, this.clock)
    const type = mode & S.IFMT
    if (type === S.IFREG) node.content = new Content(account)
    else if (type === S.IFDIR) node.directory = new Directory()
    this.nodes.add(node)
    return node
  }

  /** Gives the node up when nothing holds it any more. */
  releaseUnused(node: Inode): void {
    if (!node.isUnused || this.nodes.get(node.id) !== node) return
    node.content?.release()
    node.account.takeBlocks(-node.extraBlocks)
    node.account.giveInode()
    this.nodes.remove(node)
  }

  /** The node, when it is a directory that has not been removed; else a negative errno. */
  directory(id: number): Inode | number {
    const node = this.nodes.get(id)
    if (node === undefined) return -errno.ESTALE
    if (node.directory === null) return -errno.ENOTDIR
    return node.parent === null ? -errno.ENOENT : node
  }

  /** Moves the node to another owner's account; 0 or -EDQUOT. */
  changeOwner(node: Inode, uid: number): number {
    const account = this.space.accountOf(uid)
    const result = node.account.moveTo(account, node.heldBlocks)
    if (result < 0) return result
    node.uid = uid
    node.account = account
    if (node.content !== null) node.content.account = account
    return 0
  }

  /** The mount has ended: nothing outside holds a node any more. */
  forgetAll(): void {
    for (const node of [...this.nodes]) {
      for (const waiter of [...(node.locks?.waiters ?? [])]) waiter.finish(-errno.ENODEV)
      node.locks = null
      node.lookups = 0
      node.opens = 0
      this.releaseUnused(node)
    }
  }
}
