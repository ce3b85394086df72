import { createHmac, createSecretKey, randomInt, timingSafeEqual } from 'node:crypto'
import { attached } from './attached.ts'
import { derive, type Key, type Keys } from './key-ring.ts'
import type { PasswordId } from './names.ts'
import { Secret } from './secret.ts'

/** What the store keeps of a generated password: a keyed hash, which proves it and from which it cannot be guessed. */
export type PasswordMac = string & { readonly passwordMac: never }

/** A new generated password. */
export interface Generated {
  /** Shown once, and kept nowhere. */
  readonly password: Secret
  readonly id: PasswordId
  readonly mac: PasswordMac
}

/**
 * Generated passwords prove themselves: `agp_`, a public part of 10 characters by which the store finds them, 22 random
 * characters (130 bits), and 6 characters of an HMAC over both. What is random needs no slow hash, so the store keeps an
 * HMAC, which costs microseconds. A wrong checksum is refused without a look-up. Secret scanners find these passwords by
 * their prefix. Older ones have no public part; it is derived from the password.
 */
export interface GeneratedPasswords {
  make(): Generated
  /** Whether it has our prefix but was not generated here: mistyped, truncated or guessed. */
  isForged(password: Secret): boolean
  /**
   * What a password of our form is found by; `undefined` for any other. `old`: it may still be stored as a password
   * hash. The checksum is not looked at.
   */
  read(password: Secret): { readonly id: PasswordId; readonly old: boolean } | undefined
  macOf(password: Secret): PasswordMac
  /** Takes the same time wherever the two differ, and also if there is no such password. */
  proves(password: Secret, mac: PasswordMac | undefined): boolean
}

/** Of passwords, and of tokens of the API. */
type Prefix = 'agp_' | 'aga_'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const length = { id: 10, random: 22, checksum: 6 }
const form = new RegExp(
  `^([0-9A-Za-z]{${length.id}})?([0-9A-Za-z]{${length.random}})([0-9A-Za-z]{${length.checksum}})$`,
)

/** What one key makes and checks. The id of the key is in front of a MAC, because a stored one is checked with its own. */
interface Maker {
  readonly id: number
  checksumOf(text: string): string
  macOf(password: Secret): PasswordMac
  idOf(random: string): PasswordId
}

function makerWith({ id, bytes }: Key): Maker {
  const checksums = createSecretKey(bytes)
  const keyFor = (use: string) =>
    createSecretKey(createHmac('sha256', bytes).update(`altgate generated password ${use} 1`).digest())
  const [macs, ids] = [keyFor('mac'), keyFor('id')]
  return {
    id,
    /** 6 of 62 characters are 35 bits; reducing 64 bits to them favours none by more than one in 300 million. */
    checksumOf: text => spelled(createHmac('sha256', checksums).update(text).digest(), length.checksum),
    macOf: password =>
      `${id}:${createHmac('sha256', macs).update(password.reveal()).digest('base64url')}` as PasswordMac,
    idOf: random => spelled(createHmac('sha256', ids).update(random).digest(), length.id) as PasswordId,
  }
}

/** `keys`: 32 random bytes each, kept in the store, so that every process that shares the store accepts the same passwords. */
export function createGeneratedPasswords(keys: Keys, prefix: Prefix = 'agp_'): GeneratedPasswords {
  const makers = derive(keys, makerWith)
  const missing = 'no such password' as PasswordMac

  /** The one whose checksum fits. */
  function makerOf(text: string, checksum: string): Maker | undefined {
    const presented = Buffer.from(checksum)
    return makers.all().find(each => timingSafeEqual(presented, Buffer.from(each.checksumOf(text))))
  }

  /** Of passwords that kept connections present with each request, as long as the keys are the same. */
  const known = attached<Secret, { readonly maker: Maker; readonly among: readonly Maker[] }>()

  function makerIn(password: Secret): Maker | undefined {
    const among = makers.all()
    const before = known.get(password)
    if (before?.among === among) return before.maker
    const [, id = '', random, checksum] = form.exec(password.reveal().slice(prefix.length)) ?? []
    if (random === undefined || checksum === undefined) return undefined
    const maker = makerOf(id + random, checksum)
    if (maker !== undefined) known.set(password, { maker, among })
    return maker
  }

  return {
    make() {
      const draw = (count: number) =>
        Array.from({ length: count }, () => alphabet.charAt(randomInt(alphabet.length))).join('') // unbiased
      const id = draw(length.id)
      const random = draw(length.random)
      const maker = makers.current()
      const password = new Secret(prefix + id + random + maker.checksumOf(id + random))
      return { password, id: id as PasswordId, mac: maker.macOf(password) }
    },
    isForged: password => password.reveal().startsWith(prefix) && makerIn(password) === undefined,
    read(password) {
      const text = password.reveal()
      if (!text.startsWith(prefix)) return undefined
      const [, id, random] = form.exec(text.slice(prefix.length)) ?? []
      if (random === undefined) return undefined
      if (id !== undefined) return { id: id as PasswordId, old: false }
      return { id: (makerIn(password) ?? makers.current()).idOf(random), old: true }
    },
    macOf: password => (makerIn(password) ?? makers.current()).macOf(password),
    proves(password, mac = missing) {
      const id = Number(mac.slice(0, mac.indexOf(':')))
      const maker = makers.all().find(each => each.id === id) ?? makers.current()
      const [own, stored] = [Buffer.from(maker.macOf(password)), Buffer.from(mac)]
      return own.length === stored.length && timingSafeEqual(own, stored)
    },
  }
}

/** The first 64 bits in base 62, reduced to so many characters. */
function spelled(bytes: Buffer, characters: number): string {
  const base = BigInt(alphabet.length)
  let rest = bytes.readBigUInt64BE()
  let text = ''
  while (text.length < characters) {
    text = alphabet.charAt(Number(rest % base)) + text
    rest /= base
  }
  return text
}
