import type { Allow } from './decision.ts'

/**
 * Who this is, as header names and values for whoever believes the gateway: upstreams by the method
 * `identity-headers`, and proxies that forward by themselves.
 */
export function identityOf({ username, account, scope, subject }: Allow): string[] {
  return [
    'X-Forwarded-User',
    headerText(username),
    'X-Altgate-Account',
    account.name,
    'X-Altgate-Scope',
    scope,
    'X-Altgate-Subject',
    headerText(subject),
  ]
}

/** UTF-8 bytes, each as one character, which is how Node writes headers. Control characters have no place there. */
function headerText(text: string): string {
  if (/^[ -~]*$/.test(text)) return text
  return Buffer.from(text.replace(/\p{Cc}/gu, ''), 'utf8').toString('latin1')
}
