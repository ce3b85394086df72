import { z } from 'zod'
import { accountUrl, addressRange, autoOr, filePath, host, siteUrl, text, whole, word } from './kinds.ts'

/** How Azure DevOps is asked what an account is connected to. */
const azureDevOps = z
  .strictObject({
    address: accountUrl()
      .default('https://dev.azure.com/{account}/')
      .describe(
        'What is asked about an account, as nobody: no password ever goes there with the question. It must answer 404 for accounts that do not exist, which `vssps.dev.azure.com` does for all of them.',
      ),
    upstream: accountUrl()
      .default('https://dev.azure.com/{account}/')
      .describe('Where the requests of an account go that was found this way. It is kept with the account.'),
    authorities: z
      .array(host(), { error: 'must be a list of host names' })
      .default(['login.microsoftonline.com', 'login.windows.net'])
      .describe(
        'Hosts that are believed to name directories. An answer that names another one counts as no answer.',
      ),
    timeoutSeconds: whole(1, 60)
      .default(5)
      .describe(
        'How long one question may take, connecting included. Who is about to be refused waits for it.',
      ),
    freshSeconds: whole(1, 86_400)
      .default(300)
      .describe(
        'How long an answer is good without asking again. A move is noticed after this time at the latest, if the account is used; a refusal always asks.',
      ),
    staleSeconds: whole(0, 604_800)
      .default(3600)
      .describe(
        'How much longer right passwords are let in while Azure DevOps cannot be asked or says something new. An account that has left is open so long to those it has left behind.',
      ),
    absentSeconds: whole(1, 3600)
      .default(60)
      .describe(
        'How long it is known that there is no account of a name. A new one may have to wait so long.',
      ),
    confirmAfterSeconds: whole(1, 3600)
      .default(60)
      .describe(
        'How long after the first sign of a move Azure DevOps must say the same again before it is believed. Wrongly believed moves make people reset their passwords.',
      ),
    strangersPerMinute: whole(1, 100_000)
      .default(60)
      .describe(
        'How many names that are in no store are asked about in a minute, by all gateways of one Redis together. Strangers can invent them without end, and Azure DevOps limits who asks too much. Whoever comes beyond that is told to come again.',
      ),
    caFile: filePath()
      .exactOptional()
      .describe(
        'Certificates in PEM that are trusted besides the well-known ones. Verification cannot be switched off.',
      ),
  })
  .prefault({})
  .describe('How Azure DevOps is asked. Only with `source: azure-devops`.')

/** Where the gateway is reached, and by whom it may be told who its callers are. */
export const serving = {
  listen: z
    .strictObject({
      host: host()
        .default('0.0.0.0')
        .describe('Address of the public port. `127.0.0.1` serves this machine alone.'),
      port: whole(0, 65_535).default(8080).describe('The public port. 0 takes any free one and says which.'),
      tls: z
        .strictObject({
          certFile: filePath().describe('Certificate chain in PEM: the certificate of the host first.'),
          keyFile: filePath().describe('Private key of the certificate, in PEM.'),
        })
        .exactOptional()
        .describe('Turns HTTPS on. Leave it out where a proxy in front of the gateway does TLS.'),
    })
    .prefault({})
    .describe('The public port: what git and the other tools talk to.'),

  operations: z
    .strictObject({
      host: host()
        .default('127.0.0.1')
        .describe('Address of the operations port. It asks nobody for a password: keep it inside.'),
      port: whole(0, 65_535)
        .default(9180)
        .describe('The operations port. 0 takes any free one and says which.'),
      revocationProbeSeconds: whole(0, 3600)
        .default(15)
        .describe(
          'How often one of all gateways tries how long a change would take until it held everywhere, for `altgate_revocation_seconds`. 0: never; changes that are made are measured all the same.',
        ),
    })
    .prefault({})
    .describe('`/live`, `/ready` and `/metrics`: never on the public port, where everybody could read them.'),

  forwardAuth: z
    .strictObject({
      host: host()
        .default('127.0.0.1')
        .describe('Address of the forward-auth port. Only `trustedProxies` are answered there.'),
      port: whole(1, 65_535).default(9080).describe('The forward-auth port.'),
    })
    .exactOptional()
    .describe(
      'A port for proxies that forward by themselves and want the decision alone, as nginx does with `auth_request`: docker/nginx/nginx.conf is its other end. Left out: there is none.',
    ),

  publicUrl: siteUrl()
    .prefault('http://localhost:8080')
    .describe(
      'How people reach the gateway. Texts and links are made of it, and `plainHttp` looks at its scheme.',
    ),

  workers: autoOr(64)
    .default('auto')
    .describe('Processes that serve requests. `auto` is one for each core; 1 is enough for a trial.'),

  trustedProxies: z
    .array(addressRange(), { error: 'must be a list of addresses' })
    .default([])
    .describe(
      'Every proxy in front: addresses or ranges. Their `X-Forwarded-For`, `-Proto` and `-Host` are believed, or else their `Forwarded`; any other sender could claim to be any client.',
    ),

  plainHttp: word('refuse', 'allow')
    .default('refuse')
    .describe(
      'What becomes of a request that came over plain http although `publicUrl` is https: a password sent that way has been readable to everybody on its way. `allow` is for proxies that do TLS and cannot say so.',
    ),
}

/** Which accounts there are, and how a request names one. */
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
        'Who knows what an account is connected to. `store`: the commands `altgate account ...` say it. `azure-devops`: Azure DevOps is asked, which finds accounts that nobody has added, and notices when they move.',
      ),
    azureDevOps,
  })
  .prefault({})
  .describe('Which accounts there are.')
