import type { Command } from '../usage.js'
import { completionOf } from './completion.js'
import { list } from './list.js'
import { mount } from './mount.js'
import { umount } from './umount.js'

const others = [mount, umount, list]

export const COMMANDS: readonly Command[] = [...others, completionOf(others)]
