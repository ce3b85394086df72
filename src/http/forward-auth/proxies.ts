import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../answer.ts'
import type { CarriedAnswers } from './carried-answer.ts'
import { nginx } from './nginx.ts'

/** The request that a proxy holds back until it has a decision, as its client sent it. */
export interface Original {
  readonly method: string
  /** The request target, byte for byte what the proxy will send to the upstream. */
  readonly target: string
}

/** How one kind of proxy asks for a decision, and how it can be told one that is not `allow`. */
export interface ProxyKind {
  /** What it says about the request; empty where it says nothing. */
  original(request: IncomingMessage): Original
  refuse(response: ServerResponse, answer: Answer): void
  /** Where a proxy that can pass on a status alone fetches the whole answer. */
  readonly answerPath?: string
  /** The answer that such a request asks for. */
  answer?(request: IncomingMessage): Answer | undefined
}

/** The kinds of proxies that the door understands, each at its path. */
export function proxyKinds(carried: CarriedAnswers): Readonly<Record<string, ProxyKind>> {
  return { '/nginx': nginx(carried) }
}
