/**
 * How many inputs a property is tried with. `npm run fuzz` multiplies it: the properties of the suite are the fuzzers of
 * the night, with other seeds and more inputs.
 */
export function runs(usual: number): number {
  return usual * Number(process.env['ALTGATE_FUZZ'] ?? 1)
}
