import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { checkout } from './program.ts'

/** A test file, and the name of a test in it, as a table of the documentation cites them. */
export type Proof = readonly [file: string, title: string]

/** The proofs in a cell: `[http/x.test.ts](../test/http/x.test.ts) a sentence`, several of them with `<br>` between. */
export function proofsIn(cell: string): readonly Proof[] {
  return cell
    .trim()
    .split('<br>')
    .map(proof => {
      const [, shown, file = '', title = ''] = /^\[(.+?)\]\(\.\.\/(.+?)\) (.+)$/.exec(proof) ?? []
      return [file === `test/${shown}` ? file : '', title]
    })
}

/** Fails unless each file is there and has a test, or a row of a table, of that name. */
export function areThere(t: Test, place: string, proofs: readonly Proof[]): void {
  for (const [file, title] of proofs) {
    if (file === '' || !existsSync(join(checkout, file))) t.fail(`${place}: no file for "${title}"`)
    else t.ok(titlesIn(file).includes(title), `${place}: ${file}: ${title}`)
  }
}

/** The names of a file's tests as a table writes them: `…` for what varies. */
function titlesIn(file: string): readonly string[] {
  const text = readFileSync(join(checkout, file), 'utf8')
  const calls = text.matchAll(/(?:\b\w+\.test\(|\bname:)\s*(['"`])(.+?)\1,/gs)
  return [...calls].map(([, , title = '']) =>
    title
      .replace(/\\u([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replaceAll('\u2019', "'")
      .replace(/\$\{.+?\}/g, '\u2026')
      .replaceAll("\\'", "'"),
  )
}
