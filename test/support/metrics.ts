import type { Altgate } from './altgate.ts'

/** The sum of a metric's samples whose labels hold all of these. */
export async function metric(
  altgate: Pick<Altgate, 'tell'>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const lines = (await altgate.tell('/metrics')).split('\n')
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return lines
    .filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter(line => wanted.every(each => line.includes(each)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
