import { IntakeClient } from '../../client/src/client.ts'
import { openLabels } from '../../examples/worker.ts'

/** The example's worker, which dies by kill -9 after its third effect, before the ack. */
const [, , url = '', file = ''] = process.argv

const print = openLabels(file)
let effects = 0
new IntakeClient({ url }).consume(
  (event) => {
    print(event)
    if (++effects === 3) process.kill(process.pid, 'SIGKILL')
  },
  { leaseSeconds: 1 },
)
