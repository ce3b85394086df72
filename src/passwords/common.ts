import { shortestPassword } from './length.ts'

let loading: Promise<ReadonlySet<string>> | undefined

/**
 * The most common passwords, in lower case; without those that are too short anyway. Loaded when somebody first
 * chooses a password: unpacking the list takes some 20 milliseconds, which no start should wait for.
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= load()
  return loading
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= shortestPassword))
}
