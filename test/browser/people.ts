import type { Page } from 'playwright-core'
import { people } from '../../src/demo/identity-pages.ts'
import type { Stage } from './stage.ts'

/** The main part of a page that has come, as people read it. */
export async function textOf(page: Page): Promise<string> {
  await page.waitForLoadState()
  return await page.locator('main').innerText()
}

/** Users of the provider. Ben is in the directory Northwind alone, Anna is everywhere. */
export type Who = 'anna' | 'ben'

// A click waits until the next page begins to come. What follows may be about the whole page: each waits until it is there.

/** Fills in the provider's form. */
export async function fillIn(page: Page, who: Who = 'anna'): Promise<void> {
  const person = people.find(({ email }) => email === `${who}@example.com`)
  await page.getByLabel('E-mail address').fill(person?.email ?? '')
  await page.getByLabel('Password').fill(person?.password ?? '')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForLoadState()
}

/** Opens an account's page and signs in there. */
export async function signIn(
  page: Page,
  stage: Pick<Stage, 'page'>,
  account: string,
  who: Who = 'anna',
): Promise<void> {
  await page.goto(stage.page(account))
  await page.getByRole('link', { name: 'Sign in', exact: true }).click()
  await fillIn(page, who)
}

/** Fills in the form of the page: a password of one's own, or one that is made. */
export async function save(page: Page, password?: string): Promise<void> {
  await page
    .getByLabel(password === undefined ? 'Generate a strong password' : 'Choose my own password')
    .check()
  if (password !== undefined) {
    await page.getByLabel('New password', { exact: true }).fill(password)
    await page.getByLabel('Confirm new password', { exact: true }).fill(password)
  }
  await page.getByRole('button', { name: 'Save' }).click()
  await page.waitForLoadState()
}

/** Fills in the form for a password with a name. */
export async function add(page: Page, name: string, access = 'Read and write'): Promise<void> {
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByLabel(access, { exact: true }).check()
  await page.getByRole('button', { name: 'Create password' }).click()
  await page.waitForLoadState()
}
