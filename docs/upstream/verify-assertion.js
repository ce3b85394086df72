// Checks Altgate's signed assertions in a Node service. Needs the package `jose`, and nothing else.
//
//   import { createVerifier } from './verify-assertion.js'
//
//   const verify = createVerifier({ gateway: 'https://git.example.com', self: 'https://tfs.internal' })
//   createServer(async (request, response) => {
//     const person = await verify(request).catch(() => undefined)
//     if (person === undefined) return response.writeHead(401).end()
//     ...                      // person.subject, person.username, person.account, person.scope
//   })

import { createRemoteJWKSet, jwtVerify } from 'jose'

/** How far the clocks of gateway and upstream may differ, in seconds. */
const clockTolerance = 5

/**
 * @param {object} options
 * @param {string} options.gateway publicUrl of the gateway, as its settings have it
 * @param {string} options.self scheme, host and port of this service, as the account's upstream has it
 * @param {string} [options.account] the one account that this service serves; left out: any
 * @param {string} [options.keys] where the gateway's keys are, if not below its publicUrl
 */
export function createVerifier({ gateway, self, account, keys = `${gateway}/_altgate/keys` }) {
  const keySet = createRemoteJWKSet(new URL(keys))
  const seen = new Map() // jti -> exp: an assertion is good for one request

  /**
   * Who sends this request; throws if the assertion is missing or wrong in any way.
   * @param {{ method?: string, url?: string, headers: { authorization?: string } }} request
   */
  return async function verify({ method, url = '', headers }) {
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1]
    if (token === undefined) throw new Error('no assertion')
    const { payload } = await jwtVerify(token, keySet, {
      algorithms: ['ES256', 'EdDSA'], // never what the token itself asks for
      typ: 'altgate-assertion+jwt',
      issuer: gateway,
      audience: self,
      maxTokenAge: 60,
      clockTolerance,
      requiredClaims: ['sub', 'jti', 'exp', 'account', 'scope', 'preferred_username', 'htm', 'htu'],
    })
    if (payload.htm !== method) throw new Error('the assertion is for another method')
    if (payload.htu !== self + url.split('?', 1)[0]) throw new Error('the assertion is for another path')
    if (account !== undefined && payload.account !== account)
      throw new Error('the assertion is for another account')
    refuseRepetition(seen, payload.jti, payload.exp)
    return {
      subject: payload.sub,
      username: payload.preferred_username,
      account: payload.account,
      scope: payload.scope,
    }
  }
}

/** Assertions live for a minute, so a minute of them is all there is to remember. */
function refuseRepetition(seen, jti, exp) {
  const now = Date.now() / 1000
  for (const [id, end] of seen) {
    if (end + clockTolerance >= now) break // in the order in which they came
    seen.delete(id)
  }
  if (seen.has(jti)) throw new Error('the assertion has been used')
  seen.set(jti, exp)
}
