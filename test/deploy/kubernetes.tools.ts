import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type ErrorObject } from 'ajv'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }

interface Resource {
  apiVersion: string
  kind: string
  spec: {
    template: { spec: { containers: [{ image: string }] } }
  }
}

const folder = join(import.meta.dirname, '../../deploy/kubernetes')
const schema = JSON.parse(readFileSync(join(import.meta.dirname, 'kubernetes.schema.json'), 'utf8'))
const ajv = new Ajv({ strict: false, allErrors: true }).addSchema(schema, 'kubernetes')

/** The resources of an overlay, as `kubectl apply -k` would send them. */
function build(overlay: string): Resource[] {
  const { stdout, stderr, status } = spawnSync('kubectl', ['kustomize', join(folder, overlay)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return parseAllDocuments(stdout).map((document) => document.toJS())
}

function problemsOf(resource: Resource): ErrorObject[] {
  const definition = schema.kinds[`${resource.apiVersion}/${resource.kind}`]
  const isValid = ajv.getSchema(`kubernetes${definition}`)
  if (isValid === undefined) throw new Error(`There is no schema of ${resource.apiVersion} ${resource.kind}`)
  isValid(resource)
  return isValid.errors ?? []
}

const kubectl = spawnSync('kubectl', ['kustomize', '--help'])
const skip = kubectl.status !== 0 && 'kubectl is not installed'
const COMMON = ['NetworkPolicy', 'Service', 'ServiceAccount', 'ServiceMonitor']
const OVERLAYS = [
  ['sqlite', [...COMMON, 'StatefulSet'], 1],
  ['postgresql', [...COMMON, 'Deployment', 'PodDisruptionBudget'], 2],
] as const

for (const [overlay, kinds, replicas] of OVERLAYS) {
  test(`${overlay}: every resource keeps to the schemas of Kubernetes, and the pods to the restricted standard`, {
    skip,
  }, async (t) => {
    const resources = build(overlay)
    t.same(resources.map(({ kind }) => kind).sort(), [...kinds].sort())
    for (const resource of resources) t.same(problemsOf(resource), [], resource.kind)
    const workload = resources.find(({ spec }) => spec?.template !== undefined) as Resource
    t.match(workload.spec, {
      replicas,
      selector: { matchLabels: { 'app.kubernetes.io/name': 'formula-intake' } },
      template: {
        spec: {
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              image: `formula-intake:${manifest.version}`,
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              livenessProbe: { httpGet: { path: '/health/live' } },
              readinessProbe: { httpGet: { path: '/health/ready' } },
            },
          ],
        },
      },
    })
    t.not(
      problemsOf({ ...workload, spec: { ...workload.spec, replica: 2 } as never }).length,
      0,
      'a misspelt field is found',
    )
  })
}
