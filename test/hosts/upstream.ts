// An upstream that answers `ok`, on the address and port that it is given.
import { createServer } from 'node:http'

const [, , address, port] = process.argv
createServer((request, response) => {
  request.resume().on('end', () => response.end('ok'))
}).listen(Number(port), address)
