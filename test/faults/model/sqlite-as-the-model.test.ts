import { sized } from '../extent.ts'
import { modelTest } from './run.ts'

// Each process that is started costs as much as many commands.
modelTest('sqlite', { runs: sized(2, 50), commands: 600, processLife: 120, stream: 2 })
modelTest('sqlite saga', { runs: sized(2, 50), commands: 600, processLife: 120, stream: 3 })
