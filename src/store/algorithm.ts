import type { PasswordHash } from '../gateway/ports.ts'

/** `argon2id`, `argon2i`, … as a PHC string spells it; `bcrypt` for `$2a$`, `$2b$` and their like. */
export function algorithmOf(hash: PasswordHash): string {
  const [, id = ''] = hash.split('$', 2)
  return /^2[abxy]?$/.test(id) ? 'bcrypt' : id
}
