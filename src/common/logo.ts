import { readFileSync, statSync } from 'node:fs'
import { reasonOf } from './failure.ts'

/** A picture for the page. */
export interface Logo {
  readonly type: 'image/svg+xml' | 'image/png'
  readonly bytes: Buffer
}

const mostKiB = 256
const pngStart = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/** Reads a logo, or says what is wrong with the file. By its content: a name proves nothing. */
export function readLogo(file: string): Logo | { readonly flaw: string } {
  try {
    const found = statSync(file)
    if (!found.isFile()) return { flaw: 'is not a file' }
    if (found.size > mostKiB * 1024) return { flaw: `is larger than ${mostKiB} KiB` }
    const bytes = readFileSync(file)
    if (bytes.subarray(0, 8).equals(pngStart)) return { type: 'image/png', bytes }
    const isSvg = /^\uFEFF?(?:<\?xml[^>]*>|<!--[^]*?-->|<!DOCTYPE[^>]*>|\s)*<svg[\s/>]/i.test(
      bytes.toString('utf8'),
    )
    return isSvg ? { type: 'image/svg+xml', bytes } : { flaw: 'is neither SVG nor PNG' }
  } catch (error) {
    return { flaw: `cannot be read: ${reasonOf(error)}` }
  }
}
