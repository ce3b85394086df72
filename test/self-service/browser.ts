import { request } from 'undici'

/** What came back for one request. */
export interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly url: string
}

interface Cookie {
  readonly value: string
  readonly path: string
}

/** What a request is made of. */
export interface Asking {
  readonly method?: 'GET' | 'POST' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Fields, as they stand in an address. */
export function query(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString()
}

/** A form, as browsers send it. */
export function posting(fields: Readonly<Record<string, string>>): Required<Asking> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', headers, body: new URLSearchParams(fields).toString() }
}

function headersOf(raw: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(raw))
    for (const each of [value ?? []].flat()) headers.append(name, each)
  return headers
}

/** A browser without eyes: it keeps cookies for each host, follows redirects, and fills in forms. */
export class Browser {
  /** By host name: like real ones, it gives every port of a host the same cookies. */
  readonly #cookies = new Map<string, Map<string, Cookie>>()
  readonly #language: string | undefined

  /** `language`: what it sends as `Accept-Language`. */
  constructor(language?: string) {
    this.#language = language
  }

  /** One request, no redirect followed. */
  async ask(url: string, options: Asking = {}): Promise<Seen> {
    const cookies = this.#cookiesFor(new URL(url))
    const headers = {
      ...(cookies !== '' && { cookie: cookies }),
      ...(this.#language !== undefined && { 'accept-language': this.#language }),
      ...options.headers,
    }
    // Not `fetch`, which says of itself that it is no navigation.
    const answer = await request(url, {
      method: options.method ?? 'GET',
      body: options.body ?? null,
      headers,
    })
    const lines = answer.headers['set-cookie'] ?? []
    this.#keep(new URL(url), typeof lines === 'string' ? [lines] : lines)
    const text = await answer.body.text()
    return { status: answer.statusCode, headers: headersOf(answer.headers), text, url }
  }

  /** Goes to an address, and on to wherever it leads. */
  async go(url: string, options: Asking = {}): Promise<Seen> {
    return await this.#onFrom(await this.ask(url, options))
  }

  /** Sends the form of a page that goes to `action`, its hidden fields included. */
  async send(page: Seen, action: string, fields: Readonly<Record<string, string>> = {}): Promise<Seen> {
    const form = formIn(page.text, action)
    const sent = posting({ ...form.hidden, ...fields })
    return await this.#onFrom(await this.ask(new URL(form.action, page.url).href, sent))
  }

  /** The value of a cookie. */
  cookie(host: string, name: string): string | undefined {
    return this.#cookies.get(host)?.get(name)?.value
  }

  /** All cookies that it has of a host, by name. */
  cookies(host: string): ReadonlyMap<string, string> {
    return new Map([...this.#jar(host)].map(([name, { value }]) => [name, value]))
  }

  plant(host: string, name: string, value: string): void {
    this.#jar(host).set(name, { value, path: '/_altgate' })
  }

  async #onFrom(seen: Seen): Promise<Seen> {
    let last = seen
    for (let hops = 0; hops < 12 && last.status >= 300 && last.status < 400; hops++) {
      last = await this.ask(new URL(last.headers.get('location') ?? '', last.url).href)
    }
    return last
  }

  #jar(host: string): Map<string, Cookie> {
    const jar = this.#cookies.get(host) ?? new Map<string, Cookie>()
    this.#cookies.set(host, jar)
    return jar
  }

  #cookiesFor({ hostname, pathname }: URL): string {
    return [...this.#jar(hostname)]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }

  #keep({ hostname }: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map(part => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const attribute = (key: string) =>
        attributes.find(each => each.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
      const expires = attribute('expires')
      if (attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) < Date.now())) {
        this.#jar(hostname).delete(name)
      } else this.#jar(hostname).set(name, { value, path: attribute('path') ?? '/' })
    }
  }
}

/** A form in a page: where it goes, and its hidden fields. Throws if there is none. */
export function formIn(text: string, action: string): { action: string; hidden: Record<string, string> } {
  const forms = text.match(/<form[^]*?<\/form>/g) ?? []
  const found = forms.find(form => attributeOf(form, 'action')?.includes(action))
  if (found === undefined) throw new Error(`no form goes to ${action}: ${headingOf(text)}`)
  const inputs = found.match(/<input[^>]*type="hidden"[^>]*>/g) ?? []
  const hidden = inputs.map(input => [attributeOf(input, 'name') ?? '', attributeOf(input, 'value') ?? ''])
  return { action: attributeOf(found, 'action') ?? '', hidden: Object.fromEntries(hidden) }
}

function attributeOf(tag: string, name: string): string | undefined {
  return new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1]
}

/** What a page is about: its first heading, as text. */
export function headingOf(text: string): string {
  return (/<h1>([^]*?)<\/h1>/.exec(text)?.[1] ?? '').replace(/<[^>]*>/g, '')
}

export function titleOf(text: string): string {
  return /<title>([^<]*)<\/title>/.exec(text)?.[1] ?? ''
}
