/** A message of PostgreSQL: a letter, the length of what follows with itself, and that. */
export function message(letter: string, body: Uint8Array | string = '', length = body.length + 4): Buffer {
  const head = Buffer.alloc(5)
  head.write(letter)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

/** The messages that some bytes are; the last one need not be whole. */
export function messagesIn(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.length - at < 5 ? bytes.length : at + 1 + bytes.readUInt32BE(at + 1)
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}
