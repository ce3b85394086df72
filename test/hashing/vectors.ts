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

/** Hashes that other programs have made: libxcrypt's `crypt(3)`, openssl, htpasswd, and the test vectors of argon2 and SHA crypt. */
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
  vector('apr1', 'correct horse', '$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/'),
  vector('apr1, a short salt', 'p\u00e4ssword', '$apr1$ab$fGW6NJ7kMZj/0UCz7DMr/.'),
  vector('apr1, a long password', 'x'.repeat(200), '$apr1$abcdefgh$2wUxkhtENJzNJtmCil.OZ1'),
  vector('MD5 crypt', 'correct horse', '$1$abcdefgh$y6iHhJNbuC0xpbk0w9pm80'),
  vector('MD5 crypt, a short salt', 'p\u00e4ssword', '$1$ab$zSxXTAOa3MsUL6fbBrrN71'),
  vector('MD5 crypt, a long password', 'x'.repeat(200), '$1$abcdefgh$z6x8uc2YR4Iwn7XrK8ZMY/'),
  vector(
    'SHA-256 crypt',
    'Hello world!',
    '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA',
  ),
  vector(
    'SHA-256 crypt, umlaut',
    'p\u00e4ssword',
    '$5$rounds=1000$abc$aMCmwv8n/NCMbAJTfA3J3NnmM8uNzX0wfKf7ANoC4J3',
  ),
  vector(
    'SHA-512 crypt',
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ),
  vector(
    'SHA-512 crypt, a long password',
    'x'.repeat(200),
    '$6$rounds=1234$a.b/c$IwKoO8/5.UQ.oW8OhL2F9uEcSQ4N/Qcba7zgQCG76BuIOAxPdfmyF81IE.G1xC86WJFuvhpwcOEqvrqMjPLY.1',
  ),
  vector('SHA-1', 'correct horse', '{SHA}L55TUjtiq8FBorTWAZ0jy6g129A='),
  vector('salted SHA-1', 'correct horse', '{SSHA}LhKrkM9Fy+zlstjdD7Kv2s6QvhBzYWx0'),
  vector('DES crypt', 'correct', '{CRYPT}abpWIu4f4hFp2'),
  vector('DES crypt, umlaut', 'p\u00e4ss', '{CRYPT}./Wrjs.Kc.GIM'),
]

/** Takes a lane some seconds: long enough to be interrupted on the way. */
export const slow = '$2b$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e' as PasswordHash

function vector(by: string, password: string, hash: string) {
  return { by, password, hash: hash as PasswordHash }
}
