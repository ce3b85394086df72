import { z } from 'zod'
import { accountUrl, filePath, host, whole } from './kinds.ts'

/** How Azure DevOps is asked what an account is connected to. */
export const azureDevOps = z
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
