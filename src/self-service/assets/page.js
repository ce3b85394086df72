// Everything here is a convenience: the page works without it.

const [copied, pressCopy, show, hide] = JSON.parse(document.currentScript.dataset.words)

for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', () => copy(button))
}

for (const input of document.querySelectorAll('input[type=password]')) addReveal(input)

// The page's language as the reader has it: `en-GB` and `en-US` write a time differently.
const { lang } = document.documentElement
const reader = navigator.languages.find(each => each.split('-')[0] === lang) ?? lang

for (const time of document.querySelectorAll('time')) {
  const at = new Date(time.dateTime)
  time.title = time.textContent
  time.textContent = at.toLocaleString(reader, {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
  })
}

// Browsers also break lines after a hyphen or a slash, and a command of two halves is easily typed wrong.
for (const code of document.querySelectorAll('pre > code')) {
  const parts = code.textContent.split(/(\s+)/)
  code.replaceChildren(...parts.map((part, at) => (at % 2 === 1 ? part : word(part))))
}

function word(text) {
  const span = document.createElement('span')
  span.textContent = text
  return span
}

// A double click would set two passwords, and show the one that does not count.
for (const form of document.querySelectorAll('form[method=post]')) {
  form.addEventListener('submit', event => {
    if (form.dataset.sent) event.preventDefault()
    form.dataset.sent = 'yes'
  })
}
// A form restored from the browser's cache may be submitted again; the gateway detects that it is outdated.
window.addEventListener('pageshow', () => {
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent
})

/** Copies the text beside the button, and confirms it on screen and to screen readers. */
async function copy(button) {
  const source = document.getElementById(button.dataset.copy)
  try {
    await navigator.clipboard.writeText(source.textContent)
    say(button, copied)
  } catch {
    getSelection().selectAllChildren(source)
    say(button, pressCopy)
  }
}

function say(button, word) {
  const before = button.textContent
  button.textContent = word
  status().textContent = word
  setTimeout(() => {
    button.textContent = before
    status().textContent = ''
  }, 2000)
}

/** One live region for the whole page: screen readers announce only changes in a region that already exists. */
function status() {
  let region = document.getElementById('status')
  if (region === null) {
    region = document.createElement('p')
    region.id = 'status'
    region.className = 'visually-hidden'
    region.setAttribute('role', 'status')
    document.body.append(region)
  }
  return region
}
status()

/** Adds a button that shows or hides the typed text. */
function addReveal(input) {
  const label = document.querySelector(`label[for="${input.id}"]`).textContent
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'reveal'
  const name = word => {
    button.textContent = word
    button.setAttribute('aria-label', `${word}: ${label}`)
  }
  name(show)
  button.addEventListener('click', () => {
    const hidden = input.type === 'password'
    input.type = hidden ? 'text' : 'password'
    name(hidden ? hide : show)
  })
  const row = document.createElement('div')
  row.className = 'row'
  input.before(row)
  row.append(input, button)
}
