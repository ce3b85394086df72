/** A number as people read it: three digits that count, thousands apart. */
export function shown(value: number): string {
  return Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)))
}
