import { globSync } from 'node:fs'
import { join, resolve } from 'node:path'

// Runs the test files of a folder in one process: what all of them load is loaded once. All files are read first, then their tests run one
// after the other.
for (const folder of process.argv.slice(2))
  for (const file of globSync(join(folder, '*.test.ts')).sort()) await import(resolve(file))
