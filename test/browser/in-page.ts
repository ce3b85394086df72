import type { Page } from 'playwright-core'

// What only the page itself knows. Written as text: the project is no program for browsers, and its types shall not
// allow that it uses `document` elsewhere.

/** How wide the document is, in CSS pixels, with what sticks out of the window. */
export function widthOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth')
}

/** Which elements are there to see, one letter each, and which of them are drawn as parts of a table. */
export function shownIn(page: Page): Promise<string> {
  return page.evaluate<string>(
    `Array.from(document.querySelectorAll('*'), each =>
      !each.checkVisibility({ visibilityProperty: true }) ? '-'
      : getComputedStyle(each).display.startsWith('table') ? 't' : 's').join('')`,
  )
}

/** Buttons, fields, and links that stand by themselves, if one side is shorter than this. Of a choice its label counts. */
export function targetsBelow(page: Page, pixels: number): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(
    `Array.from(document.querySelectorAll('button, input:not([type=radio]), .choice, .button, .brand'))
      .filter(each => {
        const { width, height } = each.getBoundingClientRect()
        return width > 1 && Math.min(width, height) < ${pixels} // one pixel: for screen readers
      })
      .map(each => each.outerHTML)`,
  )
}

/** The names of the parts of a page that stick out of the window. */
export function tooWide(page: Page): Promise<readonly string[]> {
  return page.evaluate<readonly string[]>(
    `[...document.querySelectorAll('[data-name]')]
      .filter(each => each.scrollWidth > each.clientWidth)
      .map(each => each.dataset.name)`,
  )
}

/** Whether what has the focus, or the choice around it, has a ring of two pixels at least, inside of the window. */
export function showsFocus(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(`(() => {
    const it = document.activeElement
    const ringed = [it, it.closest('.choice')].find(each => {
      const style = each && getComputedStyle(each)
      return style && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
    })
    const box = ringed?.getBoundingClientRect()
    return box !== undefined && box.width > 8 && box.left >= 0 && box.top >= 0 && box.bottom <= innerHeight
  })()`)
}

/** What was copied last. */
export function clipboard(page: Page): Promise<string> {
  return page.evaluate<string>('navigator.clipboard.readText()')
}

/** Injects what an attacker would: a script, a picture and a form to another site. */
export async function smuggle(page: Page, elsewhere: string): Promise<void> {
  await page.evaluate(`(() => {
    const add = (name, properties) => document.body.appendChild(Object.assign(document.createElement(name), properties))
    add('script', { textContent: 'document.title = "Smuggled"' })
    add('img', { src: '${elsewhere}/x.png' })
    add('form', { action: '${elsewhere}', method: 'post' }).submit()
  })()`)
}
