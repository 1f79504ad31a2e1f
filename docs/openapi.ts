import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'

// `npm run openapi` writes the OpenAPI document of this version beside this file; a test compares it with the routes.

const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
await app.ready()
writeFileSync(join(import.meta.dirname, 'openapi.json'), JSON.stringify(app.swagger(), null, 2))
await app.close()
