import fc from 'fast-check'

const surrogates = 0xe000 - 0xd800

/** Any character of Unicode. Those that are plain, and those that have a meaning somewhere, come more often than by chance. */
const character = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)) },
  { weight: 2, arbitrary: fc.constantFrom(...Array.from('<>&"\'%+\\/:;=?#@\r\n\t\0')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...Array.from('\u001b\u007f\u0085\u009b\u00ad\u2028\u2029\ufeff\ufdd0')),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...Array.from('\u200b\u200d\u200f\u202e\u2066\u0301\u{1f9d1}\u{e0001}\u{10ffff}'),
    ),
  },
  {
    weight: 4,
    arbitrary: fc
      .nat(0x10ffff - surrogates)
      .map(number => String.fromCodePoint(number < 0xd800 ? number : number + surrogates)),
  },
)

/**
 * Well-formed texts of any characters. `fc.string({ unit: 'binary' })` makes a table of all 1.1 million of them, which takes a second in
 * each process, and hardly ever a sign that needs an escape.
 */
export function anyText({ maxLength }: { readonly maxLength: number }): fc.Arbitrary<string> {
  const mixed = fc.array(character, { maxLength }).map(characters => characters.join(''))
  return fc.oneof({ weight: 4, arbitrary: mixed }, { weight: 1, arbitrary: fc.string({ maxLength }) })
}
