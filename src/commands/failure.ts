import { Failure } from '../common/failure.ts'
import type { Complaint } from '../settings/document.ts'

export {
  doubtSentence,
  insist,
  insistOnScope,
  known,
  notMade,
  outageSentence,
  Refused,
  sentenceOf,
} from '../administration/problems.ts'

/** A file that the operator named cannot be written. Rethrows anything but an error of the file system. */
export function unwritable(file: string, error: unknown): Failure {
  if (!(error instanceof Error && 'code' in error)) throw error
  return new Failure(`${file} cannot be written (${String(error.code)}). Nothing was done.`, {
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

/**
 * What any other error is. It is shown with its stack, and those of its causes, but not with its fields: errors of
 * libraries carry what was sent, passwords too.
 */
export function bugReport(error: unknown): string {
  const stacks: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) stacks.push(each.stack ?? String(each))
  const told = stacks.length === 0 ? 'Something was thrown that is no error.' : stacks.join('\ncaused by ')
  return `this is a bug in Altgate. Report it where you found Altgate, with these lines (SECURITY.md, if it may be a vulnerability):\n${told}`
}
