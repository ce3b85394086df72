import { readFileSync } from 'node:fs'

/** What the styles of all pages begin with: their colours, for light and dark, by name. */
export const palette = readFileSync(new URL('palette.css', import.meta.url), 'utf8')
