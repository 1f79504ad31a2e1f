import { sized } from '../extent.ts'
import { modelTest } from './run.ts'

modelTest('memory', { runs: sized(12, 250), commands: 300, processLife: 30, stream: 0 })
modelTest('memory saga', { runs: sized(12, 250), commands: 300, processLife: 30, stream: 1 })
