import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** What a program printed, and how it ended: its exit code, -1 if a signal ended it. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Nothing if left out: whatever asks a question gets no answer. */
  readonly stdin?: string
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { stdin = '', ...rest } = options
  const child = spawn(program, args, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  // A program may end without reading its input.
  child.stdin.on('error', () => {}).end(stdin)
  const [code] = (await once(child, 'close')) as [number | null] // what `close` is documented to give first
  return { code: code ?? -1, stdout, stderr }
}

/** What it printed; throws, with its complaint, unless it ended well. */
export function succeeded(what: string, { code, stdout, stderr }: Ran): string {
  if (code !== 0) throw new Error(`${what} ended with ${code}: ${stderr}`)
  return stdout
}
