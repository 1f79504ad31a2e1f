import { access } from '../api.js'
import { createStore } from '../store.js'
import { KeyOfDraft, newDraft } from './draft.js'

/** What is being made up. It stays while the operator looks elsewhere, or has to show another API key. */
export const draft = createStore(newDraft())

/** Under which it is sent, and sent again. */
export const draftKey = new KeyOfDraft()

/** Begins another draft. */
export function beginDraft() {
  draft.set(newDraft())
  draftKey.finish()
}

// Who forgets the key may leave the tab to somebody else.
access.watch(() => {
  if (access.get().asked === 'none') beginDraft()
})
