import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import { clientTypes } from './client-types.ts'

// `npm run openapi` writes the OpenAPI document of this version beside this file, and the client's types of it; tests
// compare the document with the routes, and the types with the document.

const app = buildApp(readConfig({ DATABASE_URL: 'memory:' }))
await app.ready()
const text = JSON.stringify(app.swagger(), null, 2)
writeFileSync(join(import.meta.dirname, 'openapi.json'), text)
writeFileSync(join(import.meta.dirname, '../client/src/api.ts'), clientTypes(JSON.parse(text).components.schemas))
await app.close()
