/**
 * Values of `node:http`; types are imported from there. As an ES module it would bring Node's own fetch and WebSocket along,
 * which are among its exports: 40 ms of a processor and 16 MB for each process.
 */
export const { createServer, IncomingMessage, METHODS, ServerResponse, STATUS_CODES } =
  process.getBuiltinModule('node:http')
