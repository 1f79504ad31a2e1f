import { test } from 'tap'
import { readServerUrl } from '../../src/stores/postgres/server-url.ts'

const ROOT = '/etc/ssl/none.pem'
const readAll = (url: string, env: NodeJS.ProcessEnv = {}) => readServerUrl(url, env)
/** Reads a URL of one host. */
function read(url: string, env: NodeJS.ProcessEnv = {}) {
  const { configs, ...rest } = readAll(url, env)
  const [config = {}] = configs
  return { ...rest, config }
}

test('a URL is read as libpq reads it', (t) => {
  for (const [url, config] of [
    ['postgres://u:p@db:6432/formulas', { user: 'u', password: 'p', host: 'db', port: 6432, database: 'formulas' }],
    ['postgresql://u@db', { user: 'u', host: 'db' }],
    ['postgres://u:p%40%3A%2F%23%25%C3%A9@db/d', { password: 'p@:/#%é' }],
    ['postgres://u:p@ss@db/d', { password: 'p@ss', host: 'db' }],
    ['postgres://[::1]:6432/d', { host: '::1', port: 6432 }],
    ['postgres://u@%2Ftmp/my%20db', { host: '/tmp', database: 'my db' }],
    ['postgres:///d?host=/tmp&port=6432&user=u&password=a+b', { host: '/tmp', port: 6432, user: 'u', password: 'a+b' }],
    ['postgres://db/d?application_name=a&options=-c%20DateStyle=German', { options: '-c DateStyle=German' }],
  ] as const) {
    t.match(read(url).config, config, url)
  }
  t.end()
})

test('a URL of several hosts names a server each, of which one must accept writes', (t) => {
  for (const [url, servers] of [
    ['postgres://u:p@a:1,b:2,c/d', [{ host: 'a', port: 1 }, { host: 'b', port: 2 }, { host: 'c' }]],
    [
      'postgres://u:p@a,[::1]:2/d?port=7',
      [
        { host: 'a', port: 7 },
        { host: '::1', port: 7 },
      ],
    ],
    [
      'postgres:///d?host=a,/tmp&port=1,2',
      [
        { host: 'a', port: 1 },
        { host: '/tmp', port: 2, ssl: false },
      ],
    ],
  ] as const) {
    const { configs, mustBeWritable } = readAll(url)
    t.equal(configs.length, servers.length, url)
    t.match(configs, servers, url)
    t.ok(mustBeWritable, url)
  }
  const { place } = readAll('postgres://u:p@A:1,[::1]:2/d')
  t.equal(place, 'postgres://a:1,[::1]:2/d')
  t.equal(readAll(place).place, place)
  t.match(readAll('postgres:///d', { PGHOST: 'a,b', PGPORT: '7' }).configs, [
    { host: 'a', port: 7 },
    { host: 'b', port: 7 },
  ])
  t.notOk(readAll('postgres://a,b/d?target_session_attrs=any').mustBeWritable)
  t.notOk(read('postgres://a/d').mustBeWritable)
  t.ok(read('postgres://a/d', { PGTARGETSESSIONATTRS: 'primary' }).mustBeWritable)
  t.end()
})

test('a URL may have the profile portable, which names the same store', (t) => {
  const { isPortable, place } = read('postgres://db/d?profile=portable')
  t.ok(isPortable)
  t.match(read('postgres://db/d'), { isPortable: false, place })
  t.end()
})

test('what a URL leaves out comes from the environment', (t) => {
  const env = { PGHOST: 'db', PGPORT: '6432', PGDATABASE: 'd', PGUSER: 'u', PGPASSWORD: 'p#/?', PGSSLMODE: 'require' }
  const { config, place } = read('postgres:///', env)
  t.match(config, { host: 'db', port: 6432, database: 'd', user: 'u', password: 'p#/?' })
  t.match(config.ssl, { rejectUnauthorized: false })
  t.equal(place, 'postgres://db:6432/d')
  t.match(read('postgres://a:b@c:1/e?sslmode=disable', env).config, { host: 'c', port: 1, user: 'a', ssl: false })
  t.end()
})

test('a recorded place names the same server as the URL, without user or password', (t) => {
  for (const url of ['postgres://u:p@DB/d', 'postgres://u@%2Ftmp:6432/my%20db%3F', 'postgres://[::1]/d']) {
    const { place } = read(url)
    t.equal(read(place).place, place)
    t.notMatch(place, /@/)
  }
  t.end()
})

test('every mistake in a URL is named, and no part of a password is shown', (t) => {
  for (const [url, fault] of [
    ['postgres:formulas', /^must be postgres:\/\/user/],
    ['postgres://', /^must name a server/],
    ['postgres://u:se/cret@db/d', /write \/ \? # @ : as/],
    ['postgres://u:s@e/cret@db/d', /write \/ \? # @ : as/],
    ['postgres://u:se?cret@db/d', /write \/ \? # @ : as/],
    ['postgres://u:se#cret@db/d', /^has a # in it: write it as %23$/],
    ['postgres://u:se%cret@db/d', /^has a % .* write it as %25$/],
    ['postgres://u:cret@db:x/d', /^must have a port from 1 to 65535$/],
    ['postgres://u:cret@db:0/d', /^must have a port from 1 to 65535$/],
    ['postgres://u:cret@db1,db2:0/d', /^must have a port from 1 to 65535$/],
    ['postgres:///d?host=db1,db2,db3&port=1,2', /^must have one port, or one for each host$/],
    [
      'postgres://u:cret@db1,db2/d?target_session_attrs=standby',
      /^needs a target_session_attrs of any, read-write, primary$/,
    ],
    ['postgres://u:p@db/d?profile=cret', /^has a profile that is not supported: the only one is portable$/],
    ['postgres://u:p@db/d?profile=', /^has a profile that is not supported: the only one is portable$/],
    ['postgres://u:cret@db/d?sslmode=disable&cret=1', /^has a parameter that is not supported, number 2 after the \?/],
    [
      'postgres://u:cret@db/d?sslmode=cret',
      /^sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full$/,
    ],
    [
      `postgres://u:cret@db/d?sslmode=verify-full&sslrootcert=${ROOT}`,
      /^cannot read sslrootcert .*none.pem \(ENOENT\)$/,
    ],
    [`postgres://u:cret@db/d?sslrootcert=${import.meta.filename}`, /^has certificates that cannot be used/],
    ['postgres://u:cret@db/d?sslmode=verify-ca', /needs sslrootcert/],
    ['postgres://u:cret@db/d?sslmode=require&sslrootcert=system', /needs sslmode=verify-full/],
  ] as const) {
    t.throws(() => read(url), { message: fault }, url)
    t.throws(() => read(url), { message: /^(?!.*cret(?!\.))/ }, url)
  }
  t.throws(() => read('postgres://db/d', { PGSSLMODE: 'no' }), { message: /^PGSSLMODE must be one of/ })
  t.throws(() => read('postgres://db/d', { PGPORT: 'x' }), { message: /^must have a port/ })
  t.end()
})

test('without sslmode or root certificates nothing is encrypted', (t) => {
  t.equal(read('postgres://db/d').config.ssl, false)
  t.match(read('postgres://db/d', { PGSSLROOTCERT: 'system' }).config.ssl, { rejectUnauthorized: undefined })
  t.equal(read('postgres:///d?host=/tmp&sslmode=verify-full').config.ssl, false)
  t.end()
})
