import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'

// Runs the test files of a folder in one process: what all of them load is loaded once. All files are read first, then their tests run one
// after the other.

// Some files start what their tests share before their first test. Without a test that waits for all of them, the tests of the files before
// would be over by then, and with them, for tap, everything.
const { promise: allAreRead, resolve: tell } = Promise.withResolvers<void>()
void t.test('every file is read', () => allAreRead)
for (const folder of process.argv.slice(2))
  for (const file of globSync(join(folder, '*.test.ts')).sort()) await import(resolve(file))
tell()
