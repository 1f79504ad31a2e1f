import { sized } from '../extent.ts'
import { modelTest } from './run.ts'

// Starting a process takes as long as many commands.
modelTest('sqlite', { runs: sized(2, 50), commands: 600, processLife: 120, stream: 2 })
modelTest('sqlite saga', { runs: sized(2, 50), commands: 600, processLife: 120, stream: 3 })
