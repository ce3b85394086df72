import fc from 'fast-check'

/**
 * Texts of any characters of Unicode. `fc.string({ unit: 'binary' })` means the same, but makes a table of all 1.1 million characters,
 * which takes a second in each process.
 */
export function anyText({ maxLength }: { readonly maxLength: number }): fc.Arbitrary<string> {
  const surrogates = 0xe000 - 0xd800
  const character = fc
    .nat(0x10ffff - surrogates)
    .map(number => String.fromCodePoint(number < 0xd800 ? number : number + surrogates))
  return fc.array(character, { maxLength }).map(characters => characters.join(''))
}
