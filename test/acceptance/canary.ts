import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Altgate } from '../support/altgate.ts'
import { ask, basicOf } from '../support/ask.ts'
import { freePort } from '../support/ports.ts'
import { altgate as runAltgate } from '../support/program.ts'
import { rawRequest } from '../support/raw-request.ts'

/** Every password of these tests holds it; it looks different in each encoding. */
export const canary = 'kanarien+vogel'

export const anna = ['anna@example.com', `${canary} of anna`] as const
const dora = ['dora@example.com', `${canary} of dora`] as const
const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'

/** Accounts and people: `contoso` works, `moved` has moved, `broken` has no upstream, dora is switched off. */
export async function settle(altgate: Altgate, upstream: string): Promise<string> {
  const set = (user: string) => ['credential', 'set', '--scope', 'msa', '--user', user]
  const said = [
    await altgate.must(['directory', 'add', directory, '--name', 'Contoso Ltd']),
    await altgate.must(['account', 'add', 'contoso', '--upstream', upstream]),
    await altgate.must(['account', 'add', 'moved', '--upstream', upstream]),
    await altgate.must(['account', 'add', 'broken', '--upstream', `http://127.0.0.1:${await freePort()}`]),
    await altgate.must(set(anna[0]), { stdin: `${anna[1]}\n` }),
    await altgate.must(set(dora[0]), { stdin: `${dora[1]}\n` }),
    await altgate.must(['credential', 'disable', '--scope', 'msa', '--user', dora[0]]),
    await altgate.must(['account', 'connect', 'moved', '--directory', directory]),
  ]
  return said.join('\n')
}

/** Every way in which a request can bring a password; gives all that the gateway answers, and how. */
export async function sendEverywhere({ url, port }: Altgate): Promise<{ outcomes: string[]; said: string }> {
  const authorization = (...values: string[]) => ({ headers: { authorization: values } })
  const right = basicOf(...anna)
  const bare = Buffer.from(canary).toString('base64')
  const asking = [
    ask(`${url}/contoso/x`, { as: anna }),
    ask(`${url}/contoso/x`, { as: [anna[0], `${canary}, wrong`] }),
    ask(`${url}/contoso/x`, { as: ['nobody@example.com', canary] }),
    ask(`${url}/contoso/x`, { as: dora }),
    ask(`${url}/moved/x`, { as: anna }),
    ask(`${url}/moved/x`, { as: [anna[0], `${canary}, wrong`] }),
    ask(`${url}/broken/${canary}?${canary}`, { as: anna }),
    ask(`${url}/contoso/cut/${canary}`, { as: anna }),
    ask(`${url}/nobody/x`, { as: anna }),
    // Garbled.
    ask(`${url}/contoso/x`, authorization(right, right)),
    ask(`${url}/contoso/x`, authorization(`${right}*`)),
    ask(`${url}/contoso/x`, authorization(`Basic ${anna[0]}:${canary}`)),
    ask(`${url}/contoso/x`, authorization(`Basic ${bare}`)),
    ask(`${url}/contoso/x`, authorization(`Bearer ${canary}`)),
    ask(`${url}/contoso/x`, { as: ['', canary] }),
    ask(`${url}/contoso/x`, { as: [anna[0], `${canary}\u0007`] }),
    ask(`${url}/contoso/x`, { as: [anna[0], canary.repeat(100)] }),
    ask(`${url}/contoso/x`, { as: [anna[0], canary.repeat(500)] }),
    // In the wrong field, or the wrong header.
    ask(`${url}/contoso/x`, { as: [canary, 'x'] }),
    ask(`${url}/contoso/x`, { as: [`${anna[0]} ${canary}`, canary] }),
    ask(`${url}/contoso/x`, { headers: { 'proxy-authorization': right, cookie: `password=${canary}` } }),
    ask(`${url}/contoso/x`, { headers: { 'x-forwarded-user': canary, 'x-request-id': canary } }),
    // In the address.
    ask(`${url}/contoso/x?user=${anna[0]}&password=${canary}`),
    ask(`${url}/contoso/x?password=${canary}`, { as: anna }),
    ask(`${url}/contoso/${anna[0]}:${canary}@x`),
    ask(`${url}/${anna[0]}:${canary}@contoso/x`),
    ask(`${url}/${encodeURIComponent(canary)}@contoso/x`),
    ask(`${url}/contoso/${canary}/../x`),
    ask(`${url}/contoso/%zz${canary}`),
    ask(`${url}/_altgate/${canary}?password=${canary}`),
  ]
  const answers = await Promise.all(asking)
  const rest = 'Host: x\r\nConnection: close\r\n\r\n'
  const raw = await Promise.all(
    [
      `GET http://${anna[0]}:${canary}@127.0.0.1/contoso/x HTTP/1.1\r\n${rest}`,
      `GET /contoso/${canary}\x01 HTTP/1.1\r\n${rest}`,
      `GET /contoso/ ${canary} HTTP/1.1\r\n${rest}`,
      `${canary} /contoso/x HTTP/1.1\r\n${rest}`,
      `GET /contoso/x HTTP/1.1\r\n${canary}\r\n${rest}`,
      `GET /contoso/x HTTP/1.1\r\nHost: ${anna[0]}:${canary}\r\n${rest}`,
      `GET /contoso/x HTTP/1.1\r\nContent-Length: ${canary}\r\n${rest}`,
    ].map(bytes => rawRequest(port, bytes)),
  )
  return {
    outcomes: [...new Set(answers.map(({ outcome }) => outcome))].sort(),
    said: [...answers.map(({ headers, body }) => JSON.stringify(headers) + body), ...raw].join('\n'),
  }
}

const set = ['credential', 'set', '--scope', 'msa', '--user', anna[0]]

/** Every way in which a command can be told a password that it refuses before it looks at a store; gives all that they print. */
export async function tellRefusingCommands(altgate: Altgate): Promise<string> {
  const refused = { ...process.env, ALTGATE__STORE__URL: `postgres://altgate:${canary}@[::/x` }
  const ran = [
    await altgate.cli(set, { stdin: `${anna[1]}\u0007\n` }),
    await altgate.cli(set, { stdin: `${canary.repeat(100)}\n` }),
    await altgate.cli([...set, '--password', canary]),
    await altgate.cli([...set, `--password=${canary}`]),
    await altgate.cli([...set, canary]),
    await runAltgate(['account', 'list'], refused),
    await runAltgate(['settings'], { ...process.env, ALTGATE__REDIS__URL: `reddis://:${canary}@x` }),
  ]
  return ran.map(({ stdout, stderr }) => stdout + stderr).join('\n')
}

/** Every way in which a command can be told a password, and look at a store with it; gives all that they print. */
export async function tellCommands(altgate: Altgate): Promise<string> {
  const file = join(altgate.directory, 'users.htpasswd')
  writeFileSync(file, `${canary}\n${anna[0]}:${canary}\n${canary}:$2b$04$x\n${anna[0]}:$argon2id$${canary}\n`)
  const explain = (account: string, user: string) => ['explain', '--account', account, '--user', user]
  const ran = [
    await altgate.cli(explain('contoso', anna[0]), { stdin: `${anna[1]}\n` }),
    await altgate.cli(explain('moved', anna[0]), { stdin: `${anna[1]}\n` }),
    await altgate.cli(explain('contoso', 'nobody@example.com'), { stdin: `${canary}\n` }),
    await altgate.cli(['credential', 'import', file, '--scope', 'msa']),
    await altgate.cli(['credential', 'list', '--scope', 'msa', '--json']),
    await altgate.cli(['check']),
    await altgate.cli(['settings']),
  ]
  return ran.map(({ stdout, stderr }) => stdout + stderr).join('\n')
}
