import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { SUBJECT, startNats, streamOf } from '../support/nats.ts'
import { formula, post, spawnService, startService } from '../support/service-process.ts'
import { until } from '../support/until.ts'
import { startWebhook } from '../support/webhook.ts'

/** A certificate for 127.0.0.1 from an authority of its own. */
function certify(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'formula-certificate-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const pathOf = (name: string): string => join(folder, name)
  const files = { caFile: pathOf('ca.crt'), certFile: pathOf('server.crt'), keyFile: pathOf('server.key') }
  const make = (name: string, ...options: string[]): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', pathOf(`${name}.key`)]
    const others = ['-nodes', '-days', '2', '-subj', `/CN=${name}`, '-out', pathOf(`${name}.crt`)]
    execFileSync('openssl', ['req', '-x509', ...key, ...others, ...options], { stdio: 'ignore' })
  }
  make('ca')
  make('server', '-addext', 'subjectAltName=IP:127.0.0.1', '-CA', files.caFile, '-CAkey', pathOf('ca.key'))
  return { files, env: { DATABASE_URL: `sqlite:${pathOf('formulas.db')}` } }
}

/** Submits a formula. @returns why it is not forwarded, as the log says */
async function reasonOfOutage(t: Test, env: Record<string, string>, key: string): Promise<string> {
  const service = spawnService(t, env)
  const url = await service.listening
  t.equal((await post(url, key, formula(key))).status, 200)
  const outage = (): string | undefined => service.lines.find((line) => line.includes('Events cannot be forwarded'))
  await until(() => outage() !== undefined)
  t.match(await (await fetch(`${url}/metrics`)).text(), /^intake_forwarder_up\{subscription="erp"\} 0$/m)
  await service.kill('SIGTERM')
  return JSON.parse(outage() ?? '{}').reason
}

/** @param sinkOf the URL of the sink at a host */
async function trustPromises(
  t: Test,
  env: Record<string, string>,
  caFile: string,
  sinkOf: (host: string) => string,
  taken: () => unknown[] | Promise<unknown[]>,
): Promise<void> {
  const [here, elsewhere] = ['127.0.0.1', 'localhost'].map((host) => ({ ...env, FORWARD_TO: `${sinkOf(host)}#erp` }))
  t.match(await reasonOfOutage(t, { ...here }, '1'), /unable to verify the first certificate/, 'an unknown authority')
  const trusting = { NODE_EXTRA_CA_CERTS: caFile }
  t.match(await reasonOfOutage(t, { ...elsewhere, ...trusting }, '2'), /does not match .*localhost/, 'another host')
  t.same(await taken(), [])
  await startService(t, { ...here, ...trusting })
  await until(async () => (await taken()).length === 2)
}

test('a webhook is sent nothing until its certificate is trusted and names its host, then everything, over HTTP/1.1', async (t) => {
  const { files, env } = certify(t)
  const tls = { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) }
  const { url, secretsFile, taken } = await startWebhook(t, tls)
  const webhooks = { FORWARD_PRIVATE: 'true', WEBHOOK_SECRETS_FILE: secretsFile }
  await trustPromises(
    t,
    { ...env, ...webhooks },
    files.caFile,
    (host) => `https://${host}:${url.port}/`,
    () => taken,
  )
})

test('NATS is sent nothing until its certificate is trusted and names its host, and then everything', async (t) => {
  t.testdir()
  const { files, env } = certify(t)
  const servers = await startNats(t, 1, files)
  const stream = streamOf(servers)
  await stream.make()
  await trustPromises(
    t,
    env,
    files.caFile,
    (host) => `tls://${host}:${servers[0]?.port}/${SUBJECT}`,
    () => stream.events(),
  )
})
