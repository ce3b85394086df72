/** Kinds of floods: what each is in words, how many connections make it, and whether these stay. */
export const floods = {
  idle: { what: '10,000 idle connections', connections: 10_000, stay: true },
  'slow-heads': { what: '2,000 heads, a byte a second', connections: 2000, stay: true },
  'slow-bodies': { what: '2,000 bodies, a byte a second', connections: 2000, stay: true },
  'no-readers': { what: '200 clients that do not read', connections: 200, stay: true },
  pipelining: { what: 'requests sent ahead on 20 connections', connections: 20, stay: true },
  'sign-ins': { what: 'sign-ins begun on 50 connections', connections: 50, stay: false },
  'invented-names': { what: 'invented names on 50 connections', connections: 50, stay: false },
  'one-user': { what: "one user's 1,000 slow requests", connections: 1000, stay: true },
} as const

export type Flood = keyof typeof floods

export function isFlood(name: string): name is Flood {
  return Object.hasOwn(floods, name)
}
