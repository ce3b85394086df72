import * as problems from '../administration/problems.ts'
import { unreachable } from '../gateway/decision.ts'
import type { Scope, Username } from '../gateway/names.ts'
import type { Problem } from '../gateway/registry.ts'

/** A route as clients call it: `GET /accounts` below the address of the API. */
export function routeOf(route: string): string {
  return route.replace(' ', ' /_altgate/api/v1')
}

/** What is in the way of a request, and what to send instead. */
export function sentenceOf(problem: Problem): string {
  return problems.sentenceOf(problem, nextFor)
}

function nextFor(problem: Problem): string | undefined {
  switch (problem.problem) {
    case 'no-such-directory':
      return `Add it first: ${routeOf('POST /directories')}`
    case 'directory-exists':
      return `List all directories: ${routeOf('GET /directories')}`
    case 'directory-in-use':
      return `Move them to another directory, cancel their moves, or remove them first: ${routeOf('DELETE /accounts/NAME')}`
    case 'no-such-account':
      return `List all accounts: ${routeOf('GET /accounts')}`
    case 'account-exists':
    case 'already-connected':
      return `Show it: ${routeOf(`GET /accounts/${problem.name}`)}`
    case 'nothing-to-undo':
      return `Show its history: ${routeOf(`GET /accounts/${problem.name}`)}`
    case 'planned-already':
      return `Show the plan: ${routeOf(`GET /accounts/${problem.name}`)}`
    case 'no-planned-move':
      return `Plan one: ${routeOf(`POST /accounts/${problem.name}/move/plan`)}`
    case 'no-such-member':
      return `List the members: ${routeOf(`GET /accounts/${problem.name}/members`)}`
    case 'no-such-credential':
      return `List all credentials there: ${routeOf(`GET /credentials?scope=${problem.scope}`)}`
    case 'no-such-password':
      return `List its passwords: ${routeOf(`GET ${credentialAt(problem)}/passwords`)}`
    case 'too-many-passwords':
      return `Revoke one: ${routeOf(`POST ${credentialAt(problem)}/passwords/revoke`)}`
    case 'password-name-taken':
      return 'Choose another name, or send replace: true.'
    case 'username-taken':
      return `Choose another one, or find its owner: ${routeOf(`GET /credentials?scope=${problem.scope}`)}`
    case 'blocked':
      return `Switch it on first: ${routeOf(`POST ${credentialAt(problem)}/enable`)}`
    case 'off-by-owner':
      return 'To switch it on all the same, send override: true.'
    case 'not-linked':
      return `Show the links: ${routeOf(`GET /credentials/${problem.scope}/USER`)}`
    case 'no-such-token':
    case 'token-name-taken':
    case 'no-members':
    case 'no-such-person':
    case 'unclaimed':
      return undefined
    default:
      return unreachable(problem)
  }
}

function credentialAt(its: { readonly scope: Scope; readonly username: Username }): string {
  return `/credentials/${its.scope}/${encodeURIComponent(its.username)}`
}
