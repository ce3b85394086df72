import { join } from 'node:path'
import { run, succeeded } from './run.ts'

/** Files of a certificate for 127.0.0.1 that has signed itself, and of its key. */
export async function makeCertificate(
  directory: string,
): Promise<{ readonly certFile: string; readonly keyFile: string }> {
  const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
  succeeded('openssl', await run('openssl', ['req', '-x509', ...key, ...subject, '-out', certFile]))
  return { certFile, keyFile }
}
