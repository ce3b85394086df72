import type { Registry } from './gateway/registry.ts'
import type { Notice } from './self-service/webhook.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'

/** Where changes are reported, if the settings say so; the client that reports them is loaded only then. */
export async function openNotice({ notice }: Settings, log: Logger): Promise<Notice | undefined> {
  if (notice === undefined) return undefined
  const { createWebhook } = await import('./self-service/webhook.ts')
  const { webhookUrl: url, secret } = notice
  const failed = (cause: unknown) =>
    log.warn({ cause: String(cause) }, 'a change notification could not be delivered')
  return createWebhook({ url, failed, ...(secret && { secret }) })
}

/** The registry that reports what becomes of sign-ins and of users who have left. */
export async function reporting(registry: Registry, notice: Notice | undefined): Promise<Registry> {
  if (notice === undefined) return registry
  const { withNotices } = await import('./self-service/grant-notices.ts')
  return withNotices(registry, notice, Date.now)
}
