import { setTimeout as delay } from 'node:timers/promises'
import { note } from './say.ts'

/** What is shown again and again. */
export interface Repeated {
  /** Fetches what `draw` shows. */
  readonly refresh: () => Promise<void>
  /** The lines, without ends; `size`: those of the terminal, left out where there is none. */
  readonly draw: (size?: { readonly columns: number; readonly rows: number }) => readonly string[]
  readonly everyMs: number
}

/**
 * Shows something until Ctrl-C, `q` or SIGTERM. On a terminal it is drawn in place, elsewhere block after block; then
 * resolves.
 */
export async function showRepeatedly(repeated: Repeated): Promise<void> {
  const end = new AbortController()
  const stop = () => end.abort()
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    if (canRedraw()) await redraw(repeated, end)
    else await printBlocks(repeated, end.signal)
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

function canRedraw(): boolean {
  const term = process.env['TERM'] ?? ''
  return process.stdout.isTTY && term !== '' && term !== 'dumb'
}

async function printBlocks({ refresh, draw, everyMs }: Repeated, end: AbortSignal): Promise<void> {
  if (process.stdout.isTTY)
    note('This terminal cannot be redrawn: one state follows the other. Ctrl-C ends it.')
  while (!end.aborted) {
    await refresh()
    process.stdout.write(`${draw().join('\n')}\n\n`)
    await pause(everyMs, end)
  }
}

// In raw mode they are keys, not signals.
const [ctrlC, ctrlZ] = ['\x03', '\x1a']

/** The screen beside the shell's, no cursor, no line that goes on in the next one. */
const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l'
const leave = '\x1b[?7h\x1b[?25h\x1b[?1049l'

async function redraw({ refresh, draw, everyMs }: Repeated, end: AbortController): Promise<void> {
  const { stdin, stdout } = process
  let drawn = ''

  function show(): void {
    // A serial line does not say how large its terminal is.
    const text = draw({ columns: stdout.columns || 80, rows: stdout.rows || 24 })
      .map(line => `${line}\x1b[K`)
      .join('\r\n')
    if (text === drawn) return
    drawn = text
    // One write, which terminals that know `2026` show at once: nothing flickers.
    stdout.write(`\x1b[?2026h\x1b[H${text}\x1b[J\x1b[?2026l`)
  }

  function begin(): void {
    if (stdin.isTTY) stdin.off('data', press).setRawMode(true).resume().on('data', press)
    stdout.write(enter)
    drawn = ''
  }

  function restore(): void {
    stdout.write(leave)
    if (stdin.isTTY) stdin.off('data', press).setRawMode(false).pause()
  }

  function press(keys: Buffer): void {
    const [key] = keys.toString()
    if (key === 'q' || key === ctrlC) end.abort()
    if (key === ctrlZ) {
      restore()
      process.kill(process.pid, 'SIGTSTP')
    }
  }

  function resumed(): void {
    begin()
    show()
  }

  function resized(): void {
    drawn = ''
    show()
  }

  await refresh() // if it throws, its sentence belongs on the ordinary screen
  process.on('exit', restore)
  begin()
  stdout.on('resize', resized)
  process.on('SIGCONT', resumed)
  try {
    while (!end.signal.aborted) {
      show()
      await pause(everyMs, end.signal)
      if (!end.signal.aborted) await refresh()
    }
  } finally {
    stdout.off('resize', resized)
    process.off('SIGCONT', resumed).off('exit', restore)
    restore()
  }
}

function pause(ms: number, end: AbortSignal): Promise<unknown> {
  return delay(ms, undefined, { signal: end }).catch(() => {})
}
