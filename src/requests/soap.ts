/** An operation of a SOAP service: its namespace without a slash at the end, and its name. */
export interface SoapAction {
  readonly namespace: string
  readonly name: string
}

const microsoft = 'http://schemas.microsoft.com/TeamFoundation/2005/06'

/**
 * The operations of Team Foundation Server that read, by namespace, as Team Explorer Everywhere calls them. What is not
 * here writes: check-in, shelving, pending changes and their locks, labels, branches, merges, destroying, properties,
 * permissions, and the deletion of workspaces, which loses the pending changes in them.
 */
const readingOperations: Readonly<Record<string, string>> = {
  [`${microsoft}/VersionControl/ClientServices/03`]: `
    CheckAuthentication CompareLabels Get GetChangesetProperty GetRepositoryProperties GetServerSettings
    GetVersionedItemProperty QueryAnnotation QueryBranches QueryBranchObjectOwnership QueryBranchObjects QueryChangeset
    QueryChangesetExtended QueryChangesForChangeset QueryCheckinNoteDefinition QueryCheckinNoteFieldNames QueryConflicts
    QueryEffectiveGlobalPermissions QueryEffectiveItemPermissions QueryFileTypes QueryGlobalPermissions QueryHistory
    QueryItemPermissions QueryItems QueryItemsById QueryItemsExtended QueryLabels QueryLocalVersions QueryMergeCandidates
    QueryMergeRelationships QueryMerges QueryMergesExtended QueryMergesWithDetails QueryPendingChangeSignature
    QueryPendingChangesById QueryPendingChangesForWorkspace QueryPendingSets QueryPendingSetsWithLocalWorkspaces
    QueryProxies QueryShelvedChanges QueryShelvesets QueryWorkspace QueryWorkspaceItems QueryWorkspaces TrackMerges`,
  [`${microsoft}/WorkItemTracking/ClientServices/03`]: `
    GetChangedWorkItemIds GetConstantRecords GetDestroyedWorkItemIds GetMetadataEx2 GetReferencingWorkitemUris
    GetStoredQueries GetStoredQuery GetStoredQueryItemAccessControlList GetStoredQueryItems GetWorkItem
    GetWorkItemIdsForArtifactUris GetWorkItemLinkChanges GetWorkitemTrackingVersion PageWorkitemsByIdRevs
    PageWorkitemsByIds QueryWorkitemCount QueryWorkitems`,
  [`${microsoft}/Services/Classification/03`]: `
    GetChangedNodes GetChangedNodesAndProjects GetDeletedNodesXml GetNode GetNodeFromPath GetNodesXml GetProject
    GetProjectFromName GetProjectProperties GetProjectProperty ListAllProjects ListProjects ListStructures`,
  [`${microsoft}/Services/GroupSecurity/03`]: `
    GetChangedIdentities IsIdentityCached IsMember ListApplicationGroups ReadIdentity ReadIdentityFromSource`,
  [`${microsoft}/Services/Linking/03`]: `GetArtifacts GetReferencingArtifacts GetReferencingArtifactsWithFilter`,
  [`${microsoft}/Services/Registration/03`]: `GetRegistrationEntries`,
  [`${microsoft}/Services/ServerStatus/03`]: `CheckAuthentication GetServerStatus GetSupportedContractVersion`,
  [`${microsoft}/Services/TeamConfiguration/01`]: `GetTeamConfigurationsForUser`,
  // Location, catalog and identity services.
  'http://microsoft.com/webservices': `
    Connect GetMostRecentlyUsedUsers GetScopeName IsMember ListApplicationGroups QueryDependents QueryNodes QueryParents
    QueryResources QueryResourcesByType QueryResourceTypes QueryServices ReadFilteredIdentities ReadIdentities
    ReadIdentitiesByDescriptor ReadIdentitiesById`,
}

/**
 * What a server keeps about a workspace: its folders, which versions are on the client's disk, its conflicts. `tf get` needs
 * these, and they change nothing that another user sees, so they count as reading.
 */
const workspaceOperations = `
  AddConflict CreateWorkspace PromotePendingWorkspaceMappings ReconcileLocalWorkspace RemoveLocalConflict
  UpdateLocalVersion UpdateWorkspace`

const reading: ReadonlySet<string> = new Set([
  ...Object.entries(readingOperations).flatMap(([namespace, names]) => uris(namespace, names)),
  ...uris(`${microsoft}/VersionControl/ClientServices/03`, workspaceOperations),
])

function uris(namespace: string, names: string): readonly string[] {
  return names
    .trim()
    .split(/\s+/)
    .map(name => `${namespace}/${name}`)
}

function uriOf({ namespace, name }: SoapAction): string {
  return `${namespace}/${name}`
}

/** Whether it is one of the operations above. */
export function isReading(action: SoapAction): boolean {
  return reading.has(uriOf(action))
}

/**
 * The action in the headers: `SOAPAction` of SOAP 1.1 with or without quotes, the parameter `action` of SOAP 1.2, or both.
 * `undefined`: none, as Team Explorer Everywhere calls SOAP 1.2; the body then says it. `unclear`: they differ.
 */
export function actionOf(
  soapActions: readonly string[],
  contentTypes: readonly string[],
): SoapAction | 'unclear' | undefined {
  const parameters = contentTypes.flatMap(type => [...type.matchAll(/\baction\s*=\s*("[^"]*"|[^;]*)/gi)])
  const named = [...soapActions, ...parameters.map(([, value = '']) => value)].map(unquoted)
  const all = new Set(named)
  if (all.size > 1) return 'unclear'
  const [uri = ''] = all
  if (uri === '') return undefined
  const slash = uri.lastIndexOf('/')
  return slash === -1
    ? 'unclear'
    : { namespace: withoutSlash(uri.slice(0, slash)), name: uri.slice(slash + 1) }
}

function unquoted(value: string): string {
  return value.trim().replace(/^"(.*)"$/, '$1')
}

function withoutSlash(namespace: string): string {
  return namespace.replace(/\/$/, '')
}

/** Whether both name the same operation. */
export function isSame(one: SoapAction, other: SoapAction): boolean {
  return uriOf(one) === uriOf(other)
}

const envelopes: ReadonlySet<string> = new Set([
  'http://schemas.xmlsoap.org/soap/envelope',
  'http://www.w3.org/2003/05/soap-envelope',
])

/**
 * The operation that a SOAP message calls: the first element in its body. `start`: the message, or its beginning.
 * `undefined`: it cannot be read, or not yet. Only what every XML parser reads in the same way is read: no document type, no
 * processing instructions, and no addressing headers, which can name another operation.
 */
export function operationIn(start: string): SoapAction | undefined {
  const xml = new XmlStart(start)
  const envelope = xml.element()
  if (envelope?.name !== 'Envelope' || !envelopes.has(envelope.namespace)) return undefined
  let part = xml.element()
  if (part?.name === 'Header' && part.namespace === envelope.namespace) {
    if (!xml.skip('Action')) return undefined
    part = xml.element()
  }
  return part?.name === 'Body' && part.namespace === envelope.namespace ? xml.element() : undefined
}

const space = '[ \\t\\r\\n]'
const word = '[A-Za-z_][\\w.-]*'
const name = `${word}(?::${word})?`
const value = `"[^"<]*"|'[^'<]*'`

const declaration = new RegExp(
  `<\\?xml${space}+version${space}*=${space}*["']1\\.[01]["'](?:${space}+encoding${space}*=${space}*["']utf-8["'])?(?:${space}+standalone${space}*=${space}*["'](?:yes|no)["'])?${space}*\\?>`,
  'iy',
)
const startTag = new RegExp(
  `<(${name})((?:${space}+${name}${space}*=${space}*(?:${value}))*)${space}*(/?)>`,
  'y',
)
const endTag = new RegExp(`</${name}${space}*>`, 'y')
const attribute = new RegExp(`(${name})${space}*=${space}*(${value})`, 'g')
const comment = /<!--(?:(?!--)[^])*-->/y
const between = /(?:[ \t\r\n]|<!--(?:(?!--)[^])*-->)*/y

/** Namespaces by prefix; the default one by the empty prefix. */
type Namespaces = ReadonlyMap<string, string>

/** The beginning of an XML document in UTF-8, read strictly from left to right. */
class XmlStart {
  readonly #text: string
  #at = 0
  /** Those in force in the elements that are open, the innermost last. */
  readonly #open: Namespaces[] = [new Map()]

  constructor(text: string) {
    this.#text = text
    this.#match(declaration)
  }

  /** The next start tag, with which the element is open; `undefined` if anything but space and comments comes before it. */
  element(): SoapAction | undefined {
    this.#match(between)
    const [, tagName, attributes = '', slash] = this.#match(startTag) ?? []
    const namespaces = tagName === undefined ? undefined : this.#declared(attributes)
    if (tagName === undefined || namespaces === undefined) return undefined
    const [local = '', prefix = ''] = tagName.split(':').reverse()
    // In an empty element nothing more can be read that matters, and what follows it belongs to its parent.
    if (slash === '') this.#open.push(namespaces)
    else this.#at = this.#text.length
    return { namespace: withoutSlash(namespaces.get(prefix) ?? ''), name: local }
  }

  /** Skips the rest of the innermost element. False if it cannot be read, or has an element whose name ends so. */
  skip(forbidden: string): boolean {
    for (let depth = 1; depth > 0; ) {
      this.#match(/[^<]+/y)
      if (this.#match(comment) !== undefined) continue
      if (this.#match(endTag) !== undefined) {
        depth--
        continue
      }
      const [, tagName, , slash] = this.#match(startTag) ?? []
      if (tagName === undefined || tagName.endsWith(forbidden)) return false
      if (slash === '') depth++
    }
    this.#open.pop()
    return true
  }

  /** The namespaces in force with these attributes; `undefined` if one is repeated. */
  #declared(attributes: string): Namespaces | undefined {
    const seen = new Set<string>()
    const declared = new Map(this.#open.at(-1))
    for (const [, attributeName = '', quoted = ''] of attributes.matchAll(attribute)) {
      if (seen.has(attributeName)) return undefined
      seen.add(attributeName)
      const prefix = /^xmlns(?::(.*))?$/.exec(attributeName)
      if (prefix !== null) declared.set(prefix[1] ?? '', quoted.slice(1, -1))
    }
    return declared
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text) ?? undefined
    if (found !== undefined) this.#at += found[0].length
    return found
  }
}
