/** Where a gateway's operations port is, as the settings say. */
export interface Operations {
  readonly host: string
  readonly port: number
}

export interface OperationsAnswer {
  readonly status: number
  readonly text: string
}

/** Asks the operations port of the gateway with these settings, on this machine. Rejects with Node's error. */
export function askOperations(
  { host, port }: Operations,
  path: string,
  {
    patienceMs,
    ...asked
  }: {
    readonly method: 'GET' | 'POST'
    readonly headers?: Readonly<Record<string, string>>
    readonly patienceMs: number
  },
): Promise<OperationsAnswer> {
  // A wildcard address cannot be called; the loopback address can.
  const hostname = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return new Promise((resolve, reject) => {
    // As an ES module it would take as long to load as the rest of the command.
    const { request } = process.getBuiltinModule('node:http')
    const asking = request({ hostname, port, path, timeout: patienceMs, agent: false, ...asked })
    asking
      .on('timeout', () => asking.destroy(new Error('no answer in time')))
      .on('error', reject)
      .on('response', response => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('error', reject)
          .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      })
      .end()
  })
}
