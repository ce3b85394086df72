import type { Complaint } from '../settings/complaint.ts'

/** What was asked cannot be done. The message is one plain sentence or more; the exit code is 1. */
export class Failure extends Error {}

/**
 * What a part says of why it cannot start: an error of no special class carries a sentence for the operator. Bugs and
 * outages stay what they are.
 */
export function asFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const isSentence = error.constructor === Error || error.name === 'DemoCannotStart'
  return isSentence ? new Failure(error.message, { cause: error }) : error
}

/** A file that somebody named cannot be written. Throws what is no error of the file system. */
export function unwritable(file: string, error: unknown): Failure {
  if (!(error instanceof Error && 'code' in error)) throw error
  return new Failure(`${file} cannot be written (${String(error.code)}), so nothing was done.`, {
    cause: error,
  })
}

/** The settings are refused: exit code 78 (EX_CONFIG of sysexits.h). */
export class SettingsRefused extends Error {
  readonly complaints: readonly Complaint[]

  constructor(complaints: readonly Complaint[]) {
    super('settings refused')
    this.complaints = complaints
  }
}

/** Ctrl-C at a prompt: exit code 130, as if the signal had done it. */
export class Interrupted extends Error {}
