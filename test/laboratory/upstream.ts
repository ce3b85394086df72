import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { gitHttpBackend, isGitPath, makeRepository, serveGit } from '../../src/demo/git-upstream.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { recordingUpstream, type RecordingUpstream } from '../support/recording-upstream.ts'
import { largeFiles, type LargeFilesOptions } from './large-files.ts'

/** Which requests a fault befalls. */
export type Which = (request: IncomingMessage) => boolean

/** What is answered instead; `serve` answers as if there were no fault. */
export type Fault = (request: IncomingMessage, response: ServerResponse, serve: () => void) => void

export interface LaboratoryUpstream extends RecordingUpstream {
  /** The bare repository. */
  readonly repository: string
  /** From now on the requests meant are answered like this, until the next call. */
  fail(fault: Fault, which?: Which): void
  /** Method and path of each request so far, less the repository. */
  asked(): readonly string[]
}

/** The path of the one repository, through the gateway and behind it. */
export const repositoryPath = '/fabrikam/welcome.git'

/** A real repository and a store for large files, with a switch for faults; it writes down all it gets. */
export async function laboratoryUpstream(
  t: Test,
  options: { readonly largeFiles?: LargeFilesOptions } = {},
): Promise<LaboratoryUpstream> {
  const directory = temporaryDirectory(t)
  await makeRepository(directory, 'fabrikam/welcome')
  const program = await gitHttpBackend()
  const serveLargeFiles = largeFiles(repositoryPath, options.largeFiles)
  let fault: Fault | undefined
  let befalls: Which = () => true

  const upstream = await recordingUpstream(t, (request, response) => {
    const serve = () => {
      const url = new URL(request.url ?? '', 'http://upstream')
      if (isGitPath(url.pathname)) serveGit(program, directory, url, request, response)
      else serveLargeFiles(request, response)
    }
    if (fault !== undefined && befalls(request)) fault(request, response, serve)
    else serve()
  })
  return {
    ...upstream,
    repository: join(directory, 'fabrikam/welcome.git'),
    fail(next, which = () => true) {
      fault = next
      befalls = which
    },
    asked: () =>
      upstream.requests.map(
        ({ method, url }) => `${method} ${url.replace(repositoryPath, '').split('?')[0]}`,
      ),
  }
}
