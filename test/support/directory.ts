import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A new empty folder that goes with the test. Unlike `t.testdir`, each call makes another one. */
export function temporaryDirectory(t: Pick<Test, 'teardown'>): string {
  const directory = mkdtempSync(join(tmpdir(), 'altgate-test-'))
  // The last process of a server that was broken off may still write.
  const patiently = { maxRetries: 20, retryDelay: 100 }
  t.teardown(() => rmSync(directory, { recursive: true, force: true, ...patiently }))
  return directory
}
