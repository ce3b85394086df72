declare module 'unix-crypt-td-js' {
  /** DES crypt of a password's bytes, with the salt at the beginning of `salt`. */
  export default function crypt(password: readonly number[], salt: string): string
}

declare module 'apache-md5' {
  /** MD5 crypt of a password, a byte in each character, with prefix and salt of `salt`. */
  export default function md5(password: string, salt: string): string
}
