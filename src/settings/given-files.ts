import { type KeyObject, X509Certificate, createPrivateKey } from 'node:crypto'
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createSecureContext } from 'node:tls'
import { Failure, readGivenFile, reasonOf } from '../common/failure.ts'
import { readLogo } from '../common/logo.ts'
import type { Complaint } from './document.ts'
import type { Settings } from './schema.ts'

/**
 * What is wrong with the files that a gateway with these settings reads and writes itself. `serve` refuses to start with
 * them, `check` reports them, and a reload changes nothing. Commands need none of these files, so `loadSettings` looks at
 * none of them.
 */
export function fileComplaints({
  listen: { tls },
  upstream,
  accounts: { azureDevOps },
  page,
  log,
  audit,
}: Settings): readonly Complaint[] {
  const found = [
    ...(tls === undefined ? [] : tlsComplaints(tls)),
    complaint('upstream.caFile', upstream.caFile, authoritiesFlaw),
    complaint('accounts.azureDevOps.caFile', azureDevOps.caFile, authoritiesFlaw),
    complaint('page.logo', page.logo, logoFlaw),
    complaint('log.file', log.file, logFlaw),
    complaint('audit.file', audit.file, logFlaw),
    complaint('audit.syslog.caFile', audit.syslog?.caFile, authoritiesFlaw),
  ]
  return found.filter(each => each !== undefined)
}

/** `flawOf` returns the predicate of a sentence about the file; `undefined`: nothing is wrong. */
function complaint(
  path: string,
  file: string | undefined,
  flawOf: (file: string) => string | undefined,
): Complaint | undefined {
  const flaw = file === undefined ? undefined : flawOf(file)
  return flaw === undefined ? undefined : { path, message: `${file} ${flaw}` }
}

interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

function tlsComplaints({ certFile, keyFile }: TlsFiles): readonly (Complaint | undefined)[] {
  const chain = certificateIn(certFile)
  const key = keyIn(keyFile)
  const flaws = [
    complaint('listen.tls.certFile', certFile, () => ('flaw' in chain ? chain.flaw : undefined)),
    complaint('listen.tls.keyFile', keyFile, () => ('flaw' in key ? key.flaw : undefined)),
  ]
  if ('flaw' in chain || 'flaw' in key) return flaws
  if (!chain.certificate.checkPrivateKey(key.key))
    return [
      complaint('listen.tls.keyFile', keyFile, () => `is not the key of the certificate in ${certFile}`),
    ]
  return [complaint('listen.tls.certFile', certFile, () => contextFlaw(chain.pem, key.pem))]
}

type Flaw = { readonly flaw: string }

/** The first certificate of a chain: that of the host. */
export function certificateIn(
  file: string,
): { readonly pem: string; readonly certificate: X509Certificate } | Flaw {
  const pem = textOf(file)
  if (typeof pem !== 'string') return pem
  try {
    return { pem, certificate: new X509Certificate(pem) }
  } catch {
    return { flaw: 'does not contain a certificate in PEM (-----BEGIN CERTIFICATE-----)' }
  }
}

function keyIn(file: string): { readonly pem: string; readonly key: KeyObject } | Flaw {
  const pem = textOf(file)
  if (typeof pem !== 'string') return pem
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    return {
      flaw: `is encrypted, and the gateway asks for no passphrase: decrypt it (openssl pkey -in ${file} -out FILE) and protect it by its permissions`,
    }
  try {
    return { pem, key: createPrivateKey(pem) }
  } catch {
    return { flaw: 'does not contain a private key in PEM (-----BEGIN PRIVATE KEY-----)' }
  }
}

/** What OpenSSL refuses beyond that: a key that is too small, an invalid certificate further down the chain. */
function contextFlaw(cert: string, key: string): string | undefined {
  try {
    createSecureContext({ cert, key })
    return undefined
  } catch (error) {
    return `cannot be used: ${reasonOf(error)}`
  }
}

function authoritiesFlaw(file: string): string | undefined {
  const read = certificateIn(file)
  return 'flaw' in read ? read.flaw : undefined
}

function logoFlaw(file: string): string | undefined {
  const read = readLogo(file)
  return 'flaw' in read ? read.flaw : undefined
}

function textOf(file: string): string | Flaw {
  try {
    return readGivenFile(file)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { flaw: `cannot be read: ${reasonOf(error.cause)}` }
  }
}

/** Whether lines could be appended, without creating the file. A full disk is no flaw: it may recover. */
function logFlaw(file: string): string | undefined {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isFIFO()) accessSync(file, constants.W_OK)
    else closeSync(openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK))
    return undefined
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? folderFlaw(dirname(resolve(file))) : cannotBeWritten(error)
  }
}

/** The folders above a log file are created as well. */
function folderFlaw(folder: string): string | undefined {
  try {
    const found = statSync(folder, { throwIfNoEntry: false })
    if (found === undefined && folder !== dirname(folder)) return folderFlaw(dirname(folder))
    if (found?.isDirectory() === false) return 'cannot be written (ENOTDIR)'
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return cannotBeWritten(error)
  }
}

/** For good: other errors of the system pass, and the log reports them when it is opened. */
function cannotBeWritten(error: unknown): string | undefined {
  const code = codeOf(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO' ? undefined : `cannot be written (${code})`
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw error
}
