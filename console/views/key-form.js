import { access, tryKey } from '../api.js'
import { Heading } from '../parts/text.js'
import { useStore } from '../store.js'
import { html, useLayoutEffect, useRef, useState } from '../vendor/htm-preact.js'

/** @type {Record<string, string>} */
const WHY = {
  refused: 'The service does not know this key. It may have been revoked.',
  unreachable: 'The service cannot be reached.',
}

/** Asks for an API key, in place of the view, when the service requires one. */
export function KeyForm() {
  const { asked } = useStore(access)
  const [trouble, setTrouble] = useState(asked === 'refused' ? 'refused' : '')
  const field = useRef(/** @type {HTMLInputElement | null} */ (null))
  // In the layout phase: a key typed or pasted before that would be lost.
  useLayoutEffect(() => field.current?.focus(), [])
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    const key = field.current?.value.trim() ?? ''
    setTrouble('')
    const isTaken = await tryKey(key).catch(() => null)
    if (isTaken) return
    setTrouble(isTaken === null ? 'unreachable' : 'refused')
    field.current?.focus()
  }
  return html`<form class="card key-form" onSubmit=${submit} novalidate>
    <${Heading} kicker="This service asks who calls">API key<//>
    <div class="field">
      <label for="api-key">Key</label>
      <input id="api-key" type="password" autocomplete="off" spellcheck="false" ref=${field}
        aria-invalid=${trouble !== ''} aria-describedby="api-key-why api-key-hint" />
      <p class="error" id="api-key-why" role="alert">${WHY[trouble]}</p>
      <p class="hint" id="api-key-hint">
        With the scope <code>admin</code> it opens all of the console. It is kept in this tab alone, until you close it or
        say “Forget the key”.
      </p>
    </div>
    <button class="main">Open the console</button>
  </form>`
}
