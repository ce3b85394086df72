import { closeSync, copyFileSync, openSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from './fault.ts'
import { alone } from './world.ts'

const locked: (() => void)[] = []

export const sqliteFaults: readonly Fault[] = [
  {
    part: 'SQLite',
    name: 'is locked by another program',
    needs: alone,
    breaks: async ({ gateways: [{ directory }] }) => {
      const { DatabaseSync } = await import('node:sqlite')
      const database = new DatabaseSync(join(directory, 'altgate.db'))
      database.exec('begin exclusive')
      locked.push(() => database.close())
    },
    mends: () => locked.pop()?.(),
    short: true,
  },
  {
    part: 'SQLite',
    name: 'is truncated to nothing and restored',
    needs: alone,
    breaks: ({ gateways: [{ directory }] }) => {
      copyFileSync(join(directory, 'altgate.db'), join(directory, 'kept.db'))
      truncateSync(join(directory, 'altgate.db'), 0)
    },
    mends: ({ gateways: [{ directory }] }) =>
      copyFileSync(join(directory, 'kept.db'), join(directory, 'altgate.db')),
    short: true,
  },
  {
    part: 'SQLite',
    name: 'loses its first hundred bytes and is restored',
    needs: alone,
    breaks: ({ gateways: [{ directory }] }) => {
      const file = join(directory, 'altgate.db')
      copyFileSync(file, join(directory, 'kept.db'))
      const descriptor = openSync(file, 'r+')
      writeSync(descriptor, Buffer.alloc(100), 0, 100, 0)
      closeSync(descriptor)
    },
    mends: ({ gateways: [{ directory }] }) =>
      copyFileSync(join(directory, 'kept.db'), join(directory, 'altgate.db')),
  },
]
