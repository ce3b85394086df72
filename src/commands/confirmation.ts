import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { Interrupted } from './failure.ts'

/** Ends the command with a usage error if there is no terminal to ask on. */
export function insistOnYes({ yes }: { readonly yes?: true }, command: Command): void {
  if (yes || process.stdin.isTTY) return
  command.error('error: there is no terminal to ask for confirmation. To go ahead, add --yes.', {
    exitCode: 2,
  })
}

/** Asks on the terminal; only `yes` confirms. Throws `Interrupted` on Ctrl-C. */
export async function isConfirmed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  const { promise: interrupted, reject } = Promise.withResolvers<never>()
  const { promise: closed, resolve } = Promise.withResolvers<string>()
  lines
    .on('SIGINT', () => {
      process.stderr.write('\n')
      reject(new Interrupted())
    })
    .on('close', () => resolve(''))
  try {
    const answer = await Promise.race([lines.question(`${question} Type yes: `), interrupted, closed])
    return answer.trim().toLowerCase() === 'yes'
  } finally {
    lines.close()
  }
}
