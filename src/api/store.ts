import { csvRows } from '../administration/csv.ts'
import { exportCredentials, type Exported, exportEverything, linesOf } from '../administration/exports.ts'
import * as read from '../administration/given.ts'
import { type ImportFile, readImportFile, readImportObjects } from '../administration/import-file.ts'
import type { LineResult } from '../administration/import-plan.ts'
import { advices, carryOut, importJson, obstacleTo, prepareImport } from '../administration/imports.ts'
import { eachUse, inventoryColumns, inventoryRow, useJson } from '../administration/inventory.ts'
import { insistOnScope } from '../administration/problems.ts'
import type { AccountName, PasswordId, Subject } from '../gateway/names.ts'
import type { ToolUse, ToolUseKey } from '../gateway/tool-uses.ts'
import { viewOfStore } from '../status/document.ts'
import { askGateway, statusJson, wholeStatus } from '../status/whole.ts'
import { Rejected } from './problems.ts'
import { type Call, csvType, linesType, type Route, Streamed, usualLimit } from './routes.ts'
import { fields, object, optional, pageOf, shared } from './schemas.ts'

/** An import in one request: it is in memory as a whole, and one change. Larger files come in parts, or by command. */
const mostLines = 10_000
const mostImportBytes = 4 * 1024 * 1024

/** What concerns the store as a whole. */
export const storeRoutes: Readonly<Record<string, Route>> = {
  'GET /status': {
    does: 'Shows how the gateways are, as `altgate status --json` does: load, parts, last moves and refusals.',
    needs: 'read',
    answer: shared('Status'),
    act: async ({ tools, settings }) => {
      const told = await askGateway(settings.operations)
      const self = 'unknown' in told ? undefined : told.gateway.id
      const view = await viewOfStore(tools.store, { self, now: Date.now })
      return statusJson(wholeStatus(settings, { at: Date.now(), told, view }))
    },
  },
  'GET /inventory': {
    does: 'Lists who uses which tool, from where, with a password of which age. As CSV (text/csv) all in one answer.',
    needs: 'read',
    heavy: 'as-csv',
    query: optional({
      account: fields.account,
      since: fields.since,
      limit: fields.limit,
      after: { ...fields.after, maxLength: 4000 },
    }),
    answer: pageOf('ToolUse'),
    streams: [csvType],
    act: async ({ tools: { store }, given, wantsCsv }) => {
      const account = given.optional('account', read.accountName)
      const since = given.optional('since', read.pastInstant)
      if (wantsCsv) return new Streamed(csvType, inventoryCsv(eachUse(store.toolUses, { account, since })))
      const after = given.optional('after', readPlace)
      const most = given.number('limit') ?? usualLimit
      const { uses, next } = await store.toolUses.page({ account, since, after, most })
      const now = Date.now()
      return { items: uses.map(use => useJson(use, now)), ...(next && { next: placeText(next) }) }
    },
  },
  'GET /export': {
    does: 'Everything but secrets as JSON lines, or the credentials of one scope. An answer that is cut off is not complete.',
    needs: 'read',
    heavy: 'always',
    query: optional({ scope: fields.scope }),
    answer: { type: 'string' },
    streams: [linesType],
    act: async ({ tools: { registry }, given }) => {
      const scope = given.optional('scope', read.scope)
      if (scope !== undefined) await insistOnScope(registry, scope)
      const pages = scope === undefined ? exportEverything(registry) : exportCredentials(registry, scope)
      return new Streamed(linesType, exportText(pages))
    },
  },
  'POST /credentials/import': {
    does: `Imports credentials with hashed passwords, ${mostLines} at most: all, or none if one cannot be used or exists already. Over https only.`,
    needs: 'write',
    heavy: 'always',
    query: object({
      scope: fields.scope,
      'domain?': { type: 'string', maxLength: 254, description: 'Makes addresses of plain user names.' },
      'dryRun?': { type: 'boolean', description: 'Says what would be done, and does nothing.' },
      'keepExisting?': { type: 'boolean', description: 'Leaves credentials that exist as they are.' },
      'replace?': { type: 'boolean', description: 'Gives credentials that exist the new hashes.' },
      'skipRefused?': { type: 'boolean', description: 'Imports the others if some cannot be used.' },
    }),
    body: object({
      credentials: {
        type: 'array',
        minItems: 1,
        maxItems: mostLines,
        items: { type: 'object' },
        description: 'Objects with user, hash, secondary and enabled, or as exported. Lines have the same.',
      },
    }),
    takesLines: { mostBytes: mostImportBytes },
    answer: shared('Imported'),
    act: importCredentials,
  },
}

/** What the sentences of an import call things here. */
const importWords = {
  source: 'the body',
  keepExisting: 'keepExisting=true',
  replace: 'replace=true',
}

async function importCredentials({ tools: { registry }, given, actor, isSecure }: Call): Promise<object> {
  const scope = given.required('scope', read.scope)
  const domain = given.optional('domain', read.domainName)
  const [keepExisting, replace] = [given.flag('keepExisting'), given.flag('replace')]
  const [skipRefused, dryRun] = [given.flag('skipRefused'), given.flag('dryRun')]
  if (keepExisting && replace)
    throw new Rejected(400, 'invalid', 'keepExisting and replace exclude each other. Nothing was changed.')
  const options = { scope, ...(domain !== undefined && { domain }) }
  const file = await fileIn(given, options)
  if (!isSecure && file.lines.some(({ credential: { hash } }) => hash !== undefined))
    throw new Rejected(403, 'plain-http', overHttps)
  const lines: LineResult[] = []
  const choices = { scope, keepExisting, replace, skipRefused, dryRun }
  const prepared = await prepareImport(registry, file, choices, result => lines.push(result))
  const { added, replaced, refused, existing } = prepared.plan
  const obstacle = obstacleTo(prepared, importWords)
  if (obstacle !== undefined)
    throw new Rejected(422, 'import-refused', obstacle.sentence, { more: { refused, existing } })
  await carryOut(registry, actor, prepared, () => {})
  const all = [...lines, ...refused.map(each => ({ ...each, result: 'refused' as const }))]
  return {
    ...importJson(prepared, !dryRun),
    lines: all.toSorted((one, other) => one.line - other.line),
    notes: advices([...added, ...replaced]).map(each => each.replaceAll('\n', ' ')),
  }
}

async function fileIn(
  given: Call['given'],
  options: Parameters<typeof readImportObjects>[1],
): Promise<ImportFile> {
  const bytes = given.lines()
  if (bytes === undefined) return readImportObjects(given.list('credentials'), options)
  if (lineFeedsIn(bytes) >= mostLines)
    throw new Rejected(
      413,
      'too-large',
      `An import has ${mostLines} lines at most. Send it in parts. Nothing was changed.`,
    )
  return await readImportFile(bytes, { ...options, format: 'jsonl' })
}

/** One at the end begins no line. */
function lineFeedsIn(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(10); at !== -1 && at < bytes.length - 1; at = bytes.indexOf(10, at + 1))
    count += 1
  return count
}

const overHttps =
  'Hashes of passwords are taken over https only, and these were not used. They have travelled unprotected: let the users set new passwords.'

async function* inventoryCsv(pages: AsyncIterable<readonly ToolUse[]>): AsyncGenerator<string> {
  const now = Date.now()
  let isFirst = true
  for await (const uses of pages) {
    const rows = uses.map(use => inventoryRow(use, now))
    yield csvRows(isFirst ? [inventoryColumns, ...rows] : rows)
    isFirst = false
  }
}

async function* exportText(pages: AsyncIterable<readonly Exported[]>): AsyncGenerator<string> {
  for await (const page of pages) if (page.length > 0) yield linesOf(page)
}

/** Where the next page of an inventory begins. */
function placeText({ account, subject, password, tool, network, path }: ToolUseKey): string {
  const parts = [account, subject, password ?? '', tool ?? '', network, path]
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

function readPlace(text: string): ToolUseKey {
  const [account, subject, password, tool, network, path] = partsOf(text)
  if (
    account === undefined ||
    subject === undefined ||
    password === undefined ||
    tool === undefined ||
    network === undefined ||
    path === undefined
  )
    throw new read.Unusable('It must be what `next` of the page before said.')
  return {
    // They only say where to begin: whatever they are, no row is shown that would not be shown without them.
    account: account as AccountName,
    subject: subject as Subject,
    ...(password !== '' && { password: password as PasswordId }),
    ...(tool !== '' && { tool }),
    network,
    path,
  }
}

function partsOf(text: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    return Array.isArray(parts) && parts.every(each => typeof each === 'string' && !each.includes('\0'))
      ? parts
      : []
  } catch {
    return []
  }
}
