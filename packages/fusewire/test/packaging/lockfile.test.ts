// package-lock.json must serve every machine: `npm ci` is the first thing that a fresh clone runs.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

interface Entry {
  readonly resolved?: string
  readonly link?: boolean
  readonly integrity?: string
  readonly optional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const ROOT = join(import.meta.dirname, '../../../../..')
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Entry>>
}

test('names no registry: each machine takes its own', () => {
  const named = Object.entries(packages).filter(([, { resolved, link }]) => resolved !== undefined && !link)
  assert.deepEqual(
    named.map(([path]) => path),
    [],
  )
})

test('has the packages of every platform: npm ci refuses a lock file without them', () => {
  const missing = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) =>
        packages[`${path}/node_modules/${name}`] === undefined &&
        packages[`node_modules/${name}`] === undefined,
    ),
  )
  assert.deepEqual(missing, [])
})

test('what every machine installs is checked by a hash', () => {
  const unchecked = Object.entries(packages).filter(
    ([path, { integrity, link, optional }]) =>
      path.startsWith('node_modules/') && !link && !optional && integrity === undefined,
  )
  assert.deepEqual(
    unchecked.map(([path]) => path),
    [],
  )
})
