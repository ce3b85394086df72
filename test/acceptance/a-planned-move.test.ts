import { join } from 'node:path'
import t from 'tap'
import { contosoDirectory } from '../../src/demo/people.ts'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { gitLab } from '../support/git.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = 'anna@example.com'
const contoso = contosoDirectory.id
const day = 24 * 60 * 60 * 1000

t.test(
  'a move that is planned while the gateway runs is announced in git, once, and prepared for',
  async t => {
    const upstream = await startUpstream(t, ['fabrikam'])
    const altgate = await startAltgate(t, {
      settings: { workers: 2, signIn: { entra: { clientId: 'altgate', clientSecret: 'canary' } } },
    })
    await altgate.must(['directory', 'add', contoso, '--name', 'Contoso'])
    await altgate.must(['account', 'add', 'fabrikam', '--upstream', upstream.url])
    const set = (scope: string, word: string) =>
      altgate.must(['credential', 'set', '--scope', scope, '--user', anna], { stdin: `${word}\n` })
    await set('msa', 'seven quiet rivers')

    const remote = `${altgate.url}/fabrikam/welcome.git`
    const lab = gitLab(t)
    lab.setCredential(anna, 'seven quiet rivers')
    await lab.must(['clone', '--quiet', remote, 'clone'])
    const cwd = join(lab.directory, 'clone')
    let number = 0
    const push = async () => {
      number += 1
      await lab.must(['commit', '--quiet', '--allow-empty', `--message=${number}`], { cwd })
      const { code, stderr } = await lab.git(['push', 'origin', `HEAD:refs/heads/b${number}`], { cwd })
      return { code, said: stderr.replaceAll(/ *\nremote: /g, ' ') }
    }
    const refusal = async () => {
      const path = '/fabrikam/welcome.git/info/refs?service=git-upload-pack'
      const { status, body, headers } = await ask(altgate.url + path, { as: [anna, 'wrong'] })
      return `${status} ${body.replaceAll(String(headers['x-request-id']), '')}`
    }
    const before = await refusal()
    t.notMatch((await push()).said, 'moves')

    const on = new Date(Date.now() + 40 * day).toISOString().slice(0, 10)
    await altgate.must(['move', 'plan', 'fabrikam', '--to', contoso, '--on', on])
    const first = await push()
    t.equal(first.code, 0, first.said)
    t.match(
      first.said,
      `remote: The account "fabrikam" moves on ${on} (UTC) to Microsoft Entra ID, directory "Contoso".`,
    )
    t.match(first.said, `${altgate.url}/_altgate/?account=fabrikam`)
    for (const again of [await push(), await push(), await push()]) {
      t.equal(again.code, 0)
      t.notMatch(again.said, 'moves on', 'by whichever worker')
    }
    t.equal(await refusal(), before, 'what is refused is refused in the same words')

    const page = await (await fetch(`${altgate.url}/_altgate/?account=fabrikam`)).text()
    t.notMatch(page, /moves on|Contoso/, 'an unknown client is told nothing of it')

    await set(contoso, 'nine loud mountains')
    t.match(await altgate.must(['move', 'plan', 'fabrikam']), /^\d{4}-\d\d-\d\d +1 +1 +anna@example\.com$/m)
    lab.setCredential(anna, 'nine loud mountains')
    lab.forget()
    t.not((await push()).code, 0, 'it opens nothing before the move')
    t.match(await altgate.must(['move', 'apply', 'fabrikam', '--yes']), `The plan for ${on} has ended`)
    lab.setCredential(anna, 'nine loud mountains')
    const after = await push()
    t.equal(after.code, 0, after.said)
    t.notMatch(after.said, 'moves')
  },
)
