import type { Command } from '../usage.js'
import { completion } from './completion.js'
import { list } from './list.js'
import { mount } from './mount.js'
import { umount } from './umount.js'

export const COMMANDS: readonly Command[] = [mount, umount, list, completion]
