/** A table for spreadsheets (RFC 4180). `lineEnd`: the RFC has CRLF; tools on the command line read plain line feeds. */
export function csvOf(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  lineEnd: '\n' | '\r\n' = '\r\n',
): string {
  return csvRows([columns, ...rows], lineEnd)
}

export function csvRows(rows: readonly (readonly string[])[], lineEnd: '\n' | '\r\n' = '\r\n'): string {
  return rows.map(row => row.map(field).join(',') + lineEnd).join('')
}

/** Spreadsheets evaluate text that begins like a formula, and a user name may begin like one. */
function field(text: string): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
