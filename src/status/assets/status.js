// Keeps the page up to date; without this script it is a page that is reloaded by hand.

const every = 2000
const pause = document.getElementById('pause')
const fresh = document.getElementById('fresh')
let paused = false
let lastSeen = fresh.querySelector('time').textContent

pause.hidden = false
pause.addEventListener('click', () => {
  paused = !paused
  pause.textContent = paused ? 'Resume' : 'Pause'
  if (!paused) void update()
})

setInterval(() => {
  if (!paused && !document.hidden) void update()
}, every)

let updating = false

async function update() {
  if (updating) return
  updating = true
  try {
    const answer = await fetch('/status', { cache: 'no-store', signal: AbortSignal.timeout(5000) })
    if (!answer.ok) throw new Error(String(answer.status))
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'))
  } catch {
    say(`No answer since ${lastSeen} UTC. Trying again.`)
  } finally {
    updating = false
  }
}

/** Only what has changed is replaced, so that a selection elsewhere stays. */
function show(next) {
  if (paused) return
  document.title = next.title
  for (const part of document.querySelectorAll('[data-live]')) {
    const its = next.getElementById(part.id)
    if (its && its.outerHTML !== part.outerHTML) part.replaceWith(document.adoptNode(its))
  }
  // Within the live region, or a screen reader would not notice.
  const state = next.getElementById('state')
  const shown = document.getElementById('state')
  if (state.innerHTML !== shown.innerHTML) shown.replaceChildren(...state.childNodes)
  fresh.replaceChildren(...next.getElementById('fresh').childNodes)
  fresh.classList.remove('late')
  lastSeen = fresh.querySelector('time').textContent
}

function say(text) {
  if (fresh.textContent === text) return
  fresh.textContent = text
  fresh.classList.add('late')
}
