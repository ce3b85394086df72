import { X509Certificate } from 'node:crypto'
import { Failure, readGivenFile, reasonOf } from '../common/failure.ts'
import type { Settings } from '../settings/schema.ts'
import type { Unknown } from './document.ts'

/** The certificates in one file that the settings name. */
export interface CertificateEnd {
  /** The setting that names the file. */
  readonly setting: string
  /** When the first of them ends, and how many there are. */
  readonly ends: { readonly at: string; readonly certificates: number } | Unknown
}

/** When the certificates end that the settings name: that of the public port, and those of authorities. Never throws. */
export function certificateEnds({
  listen,
  upstream,
  accounts: { azureDevOps },
  redis,
}: Pick<Settings, 'listen' | 'upstream' | 'accounts' | 'redis'>): readonly CertificateEnd[] {
  const files = [
    ['listen.tls.certFile', listen.tls?.certFile],
    ['upstream.caFile', upstream.caFile],
    ['accounts.azureDevOps.caFile', azureDevOps.caFile],
    ['redis.caFile', redis?.caFile],
  ] as const
  return files.flatMap(([setting, file]) => (file === undefined ? [] : [{ setting, ends: endIn(file) }]))
}

const blocks = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** The reason names no path: the page that shows it has no password. */
function endIn(file: string): CertificateEnd['ends'] {
  try {
    const all = readGivenFile(file).match(blocks) ?? []
    if (all.length === 0) return { unknown: 'the file contains no certificate' }
    const ends = all.map(pem => new X509Certificate(pem).validToDate.getTime())
    return { at: new Date(Math.min(...ends)).toISOString(), certificates: all.length }
  } catch (error) {
    if (error instanceof Failure) return { unknown: `the file cannot be read: ${reasonOf(error.cause)}` }
    return { unknown: 'the file contains a certificate that cannot be read' }
  }
}
