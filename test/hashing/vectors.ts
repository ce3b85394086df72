import { createHash } from 'node:crypto'
import type { Attempt } from '../../src/gateway/attempt.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import type { Proof } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'

/** An attempt with a password; `whose` tells those of several people apart. */
export function attempt(password: string, whose = 'anna'): Pick<Attempt, 'password' | 'proof'> {
  const secret = readPassword(password)
  const digest = createHash('sha256').update(`${whose}:${secret.reveal()}`)
  return { password: secret, proof: digest.digest('base64url') as Proof }
}

/** Hashes that other programs have made: libxcrypt's `crypt(3)`, and the test vectors of argon2's reference. */
export const hashed: readonly {
  readonly by: string
  readonly password: string
  readonly hash: PasswordHash
}[] = [
  vector('bcrypt 2b', 'correct horse', '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e'),
  vector('bcrypt 2y', 'correct horse', '$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2'),
  vector('bcrypt 2a', 'p\u00e4ssword', '$2a$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG'),
  vector(
    'argon2id with less memory',
    'password',
    '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
  ),
  vector(
    'argon2i',
    'password',
    '$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8',
  ),
  vector(
    'argon2i 1.0',
    'password',
    '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
  ),
]

/** Takes a lane some seconds: long enough to be interrupted on the way. */
export const slow = '$2b$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e' as PasswordHash

function vector(by: string, password: string, hash: string) {
  return { by, password, hash: hash as PasswordHash }
}
