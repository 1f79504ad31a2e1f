import { test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { problemsOf } from '../support/problems-of.ts'

test('SQS_QUEUE_URL is short for a sink of the default subscription, and a web address', async (t) => {
  for (const url of ['https://sqs.eu-west-1.amazonaws.com/123456789012/formulas.fifo', 'http://localhost:4566/0/q']) {
    t.same(readConfig({ SQS_QUEUE_URL: url }).sinks, [{ kind: 'sqs', url: new URL(url), subscription: 'default' }])
  }
  const wrong = ['formulas', 'arn:aws:sqs:eu-west-1:123456789012:q', 'sqs://x/q', 'https://', 'https://a b/q']
  for (const SQS_QUEUE_URL of wrong) {
    const [problem, ...others] = problemsOf(t, { SQS_QUEUE_URL })
    t.match(problem, /^SQS_QUEUE_URL=".*": must be an http:\/\/ or https:\/\/ URL$/)
    t.same(others, [])
  }
  t.notMatch(problemsOf(t, { SQS_QUEUE_URL: 'ftp://user:secret@host' })[0], /secret/)
})

test('the scheme of a URL to forward to names the sink, its fragment the subscription', async (t) => {
  const queue = 'https://sqs.eu-west-1.amazonaws.com/123456789012/formulas.fifo'
  const urls = [
    ['sqs', `sqs+${queue}#sqs`, queue],
    ['sqs', 'SQS+http://localhost:4566/0/q#local', 'http://localhost:4566/0/q'],
    ['webhook', 'https://erp.example/hooks?a=b#erp', 'https://erp.example/hooks?a=b'],
    ['webhook', 'http://10.0.0.1#lab_2.x-y', 'http://10.0.0.1'],
    ['nats', 'nats://user:pass@host:4222/formulas.created#nats', 'nats://user:pass@host:4222/formulas.created'],
    ['nats', 'tls://host/formulas#0', 'tls://host/formulas'],
  ] as const
  const FORWARD_TO = `  ${urls.map(([, text]) => text).join('  ')} `
  const { sinks } = readConfig({ FORWARD_TO })
  t.same(
    sinks.map(({ kind, url, subscription }) => [kind, url.href, subscription]),
    urls.map(([kind, text, url]) => [kind, new URL(url).href, text.split('#')[1]]),
  )
  t.equal(readConfig({ FORWARD_TO, SQS_QUEUE_URL: queue }).sinks.length, urls.length + 1)
})

test('a URL to forward to that cannot be meant stops the start with one line, without its secrets', async (t) => {
  const expected: [url: string, problem: RegExp][] = [
    ['ftp://S3cret@host/#a', /URL 1 must be of sqs\+https, .* or tls$/],
    ['S3cret', /URL 1 must be of/],
    ['sqs+nats://host/q#a', /URL 1 must be of/],
    ['sqs+https://#a', /URL 1 must be of/],
    ['nats://a:S3cret%@host/subject#a', /URL 1 must percent-encode user and password$/],
    ['nats://S3cret%ff@host/subject#a', /URL 1 must percent-encode user and password$/],
    ['nats:///subject#a', /URL 1 must be of/],
    ['https://erp.example/S3cret', /URL 1 must end with # and a subscription/],
    ['https://erp.example/S3cret#', /URL 1 must end with #/],
    ['https://erp.example/#Erp', /URL 1 must end with #/],
    ['https://erp.example/#-erp', /URL 1 must end with #/],
    [`https://erp.example/#${'a'.repeat(65)}`, /URL 1 must end with #/],
    ['https://u:S3cret@erp.example/#a', /URL 1 must name no user$/],
    ['nats://host#a', /URL 1 must have a subject as its path/],
    ['nats://host/formulas.*#a', /URL 1 must have a subject/],
    ['nats://host/formulas..a#a', /URL 1 must have a subject/],
    ['nats://host/formulas?S3cret#a', /URL 1 must have a subject/],
    ['https://a.example/#a nats://host/S3cret#a', /URL 2 #a is used twice$/],
  ]
  for (const [FORWARD_TO, problem] of expected) {
    const problems = problemsOf(t, { FORWARD_TO })
    t.match(problems, [problem], FORWARD_TO)
    t.equal(problems.length, 1)
    t.notMatch(problems[0], /S3cret/)
  }
  const both = { FORWARD_TO: 'nats://host/a#default', SQS_QUEUE_URL: 'https://sqs.example/q' }
  t.same(problemsOf(t, both), ['SQS_QUEUE_URL: forwards the subscription default, which FORWARD_TO forwards as well'])
})

test('the source of events is a URI or a part of one', async (t) => {
  for (const EVENT_SOURCE of ['/formulas', 'https://intake.example/eu', 'urn:intake:a%20b', '../eu?a#b']) {
    t.equal(readConfig({ EVENT_SOURCE }).eventSource, EVENT_SOURCE)
  }
  for (const EVENT_SOURCE of ['a b', '<a>', 'a%2', 'ä', 'http://']) {
    t.match(problemsOf(t, { EVENT_SOURCE }), [/: must be a URI or the path of one$/])
  }
})
