import { z } from 'zod'
import { accountUrl, addressRange, autoOr, filePath, host, siteUrl, text, whole, word } from './kinds.ts'

/** How Azure DevOps is queried for the connection of an account. */
const azureDevOps = z
  .strictObject({
    address: accountUrl()
      .default('https://dev.azure.com/{account}/')
      .describe(
        'The address queried about an account, anonymously: no password is ever sent with the query. It must answer 404 for accounts that do not exist; `vssps.dev.azure.com` is unsuitable, because it answers 404 for all accounts.',
      ),
    upstream: accountUrl()
      .default('https://dev.azure.com/{account}/')
      .describe('Where requests of accounts found this way are forwarded. It is stored with the account.'),
    authorities: z
      .array(host(), { error: 'must be a list of host names' })
      .default(['login.microsoftonline.com', 'login.windows.net'])
      .describe(
        'Hosts that are trusted to identify directories. An answer that names any other host is ignored.',
      ),
    timeoutSeconds: whole(1, 60)
      .default(5)
      .describe(
        'How long one query may take, including connecting. A request that is about to be refused waits for it.',
      ),
    freshSeconds: whole(1, 86_400)
      .default(300)
      .describe(
        'How long an answer is used without a new query. If the account is in use, a move is noticed within this time; a refusal always sends a query first.',
      ),
    staleSeconds: whole(0, 604_800)
      .default(3600)
      .describe(
        'How much longer right passwords are accepted while Azure DevOps is unreachable or its answer has changed. After a move, old credentials may work for as long as this.',
      ),
    absentSeconds: whole(1, 3600)
      .default(60)
      .describe(
        'How long it is remembered that an account does not exist. A new account may be unknown for that long.',
      ),
    confirmAfterSeconds: whole(1, 3600)
      .default(60)
      .describe(
        'How long after the first sign of a move Azure DevOps must confirm it. A move accepted by mistake makes users reset their passwords.',
      ),
    strangersPerMinute: whole(1, 100_000)
      .default(60)
      .describe(
        'How many queries per minute are sent for names that are not in the store, by all gateways that share a Redis. Unknown clients can invent names without end, and Azure DevOps limits the rate of queries. Requests above the limit get 503 and `Retry-After`.',
      ),
    caFile: filePath()
      .exactOptional()
      .describe(
        'CA certificates in PEM that are trusted in addition to the well-known ones. Verification cannot be disabled.',
      ),
  })
  .prefault({})
  .describe('How Azure DevOps is queried. Only with `source: azure-devops`.')

/** Where the gateway listens, and which proxies it trusts. */
export const serving = {
  listen: z
    .strictObject({
      host: host()
        .default('0.0.0.0')
        .describe('Address of the public port. `127.0.0.1` serves only this machine.'),
      port: whole(0, 65_535).default(8080).describe('The public port. 0 takes any free port and logs it.'),
      tls: z
        .strictObject({
          certFile: filePath().describe('Certificate chain in PEM: the certificate of the host first.'),
          keyFile: filePath().describe('Private key of the certificate, in PEM.'),
        })
        .exactOptional()
        .describe('Enables HTTPS. Leave it out if a proxy in front of the gateway terminates TLS.'),
    })
    .prefault({})
    .describe('The public port, which git and other tools connect to.'),

  operations: z
    .strictObject({
      host: host()
        .default('127.0.0.1')
        .describe('Address of the operations port. It requires no authentication: keep it internal.'),
      port: whole(0, 65_535)
        .default(9180)
        .describe('The operations port. 0 takes any free port and logs it.'),
      revocationProbeSeconds: whole(0, 3600)
        .default(15)
        .describe(
          'How often one of all gateways measures how long a change takes until it is in force everywhere, for `altgate_revocation_seconds`. 0: never; real changes are measured in any case.',
        ),
    })
    .prefault({})
    .describe(
      '`/live`, `/ready` and `/metrics`: never on the public port, where any client could read them.',
    ),

  forwardAuth: z
    .strictObject({
      host: host()
        .default('127.0.0.1')
        .describe('Address of the forward-auth port. Only `trustedProxies` are answered there.'),
      port: whole(1, 65_535).default(9080).describe('The forward-auth port.'),
    })
    .exactOptional()
    .describe(
      'A port for proxies that forward requests themselves and need only the decision, such as nginx with `auth_request`: see docker/nginx/nginx.conf. Default: none.',
    ),

  publicUrl: siteUrl()
    .prefault('http://localhost:8080')
    .describe(
      'The address at which users reach the gateway. It is used in texts and links, and its scheme decides about `plainHttp`.',
    ),

  workers: autoOr(64)
    .default('auto')
    .describe('Processes that serve requests. `auto` is one per core; 1 is enough for a trial.'),

  trustedProxies: z
    .array(addressRange(), { error: 'must be a list of addresses' })
    .default([])
    .describe(
      'All proxies in front of the gateway: addresses or ranges. Their `X-Forwarded-For`, `-Proto` and `-Host` headers are trusted, or else their `Forwarded`; those of other senders are not, because they could impersonate any client.',
    ),

  plainHttp: word('refuse', 'allow')
    .default('refuse')
    .describe(
      'What happens to a request over plain http when `publicUrl` is https: plain http exposes passwords in transit. `allow` is for proxies that terminate TLS and cannot say so.',
    ),
}

/** Which accounts exist, and how a request names one. */
export const accounts = z
  .strictObject({
    naming: z
      .discriminatedUnion(
        'by',
        [
          z.strictObject({ by: z.literal('path') }),
          z.strictObject({
            by: z
              .literal('host')
              .describe(
                '`path`: the first segment names the account. `host`: the first label of the host does.',
              ),
            suffix: text(
              'must be what follows the account in a host name, such as ".example.com"',
              /^(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/i,
            )
              .transform(suffix => suffix.toLowerCase())
              .describe(
                'Only with `by: host`: what follows the account, `.example.com` for `fabrikam.example.com`.',
              ),
          }),
        ],
        { error: 'must be "path" or "host"' },
      )
      .prefault({ by: 'path' })
      .describe('How a request names its account: `/fabrikam/...`, or `fabrikam.example.com`.'),
    source: word('store', 'azure-devops')
      .default('store')
      .describe(
        'Where the connection of an account comes from. `store`: from the commands `altgate account ...`. `azure-devops`: Azure DevOps is queried, which finds accounts that were not added and notices when they move.',
      ),
    azureDevOps,
  })
  .prefault({})
  .describe('Which accounts exist.')
