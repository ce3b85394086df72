import type { BrowserContext, ConsoleMessage } from 'playwright-core'

/** What a browser reports to developers, and the origins that it requests. */
export interface Noticed {
  readonly complaints: string[]
  readonly asked: Set<string>
}

/** Notices from now on. */
export function watch(person: BrowserContext): Noticed {
  const noticed: Noticed = { complaints: [], asked: new Set() }
  person.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !isStatus(message))
      noticed.complaints.push(message.text())
  })
  person.on('weberror', error => noticed.complaints.push(String(error.error())))
  person.on('request', request => noticed.asked.add(new URL(request.url()).origin))
  return noticed
}

/** Chromium complains of every page whose status is 400 or more. */
function isStatus(message: ConsoleMessage): boolean {
  return (
    message.text().startsWith('Failed to load resource') && message.location().url === message.page()?.url()
  )
}
