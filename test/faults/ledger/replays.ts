import type { Ledger } from '../ledger.ts'
import type { Send } from './send.ts'
import { decided, isKept, isReplay, type Report, type Submission } from './submissions.ts'
import { each } from './world.ts'

/**
 * Sends submissions again: what was answered is replayed, what is of unknown outcome ends well.
 * @param before the names of the formulas that were stored when nothing had been sent again
 */
export async function judgeReplays(
  ledger: Ledger,
  send: Send,
  submissions: Iterable<Submission>,
  before: Set<string>,
  report: Report,
): Promise<void> {
  await each(submissions, 16, async (submission) => {
    const { key, body, onDuplicate, formulas } = submission
    const known = decided(submission)
    const wasStored = formulas.some(({ name }) => before.has(name))
    const reply = await ledger.submit(send, key, body, onDuplicate)
    const say = (what: string): void => report(`key ${key}: ${what}: ${reply?.status} ${reply?.body}`)
    if (reply === null) say('cut off, or never answered')
    else if (known !== null || wasStored) {
      if (!isKept(reply) || !isReplay(reply)) say('not replayed')
      if (wasStored && reply.status !== 200) say('stored, and not answered so')
    } else {
      if (!isKept(reply) && reply.status !== 422) say('the key cannot be used')
      const adds = reply.status === 200 && formulas.some(({ name }) => reply.body.includes(JSON.stringify(name)))
      if (adds && isReplay(reply)) say('replayed, and not stored')
    }
  })
}
