import { readdirSync, readFileSync } from 'node:fs'

// Loaded into every process of the gateway while the image is built: what is only imported on demand, such as
// the drivers of Redis and PostgreSQL, is compiled as well. Else each worker that needs it would load the parser of
// TypeScript at every start, because no process can write into the cache of a finished image.

const sources = new URL('../src/', import.meta.url)

for (const name of readdirSync(sources, { recursive: true })) {
  if (!name.endsWith('.ts')) continue
  const file = new URL(name, sources)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/\bimport\('(\.[^']+)'\)/g))
    await import(new URL(path, file))
}
