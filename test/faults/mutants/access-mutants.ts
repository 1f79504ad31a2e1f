import type { Mutant } from './mutant.ts'

const AUTHENTICATION = 'plugins/authentication.ts'
const AUTHORIZATION = 'plugins/authorization.ts'
const LIMIT = 'plugins/rate-limit.ts'
const FILE = 'src/access/key-file.ts'
const COMMAND = 'src/access/keys-command.ts'
const RING = 'src/access/key-ring.ts'
const HTTP = 'test/http/access.test.ts'
const COMMAND_TEST = 'test/access/keys-command.test.ts'
const RING_TEST = 'test/access/key-ring.test.ts'
const LIMIT_TEST = 'test/http/rate-limit.test.ts'
const DUPLICATES_TEST = 'test/http/seen-duplicates.test.ts'
const AUDIT_TEST = 'test/http/audit.test.ts'
const PROCESS = 'test/process/keys-reloaded.test.ts'

/** Bugs in who may do what, and in whose answers are whose. */
export const accessMutants: Mutant[] = [
  {
    name: 'access: unknown routes need no key',
    breaks: 'a stranger learns nothing',
    edits: [
      [
        AUTHENTICATION,
        'if (request.routeOptions.config.public) return',
        'if (request.is404 || request.routeOptions.config.public) return',
      ],
    ],
    caughtBy: [HTTP, 'a key is asked for also where there is no route or another method; any key will do then'],
  },
  {
    name: 'access: unknown routes are for admin only',
    breaks: 'a caller is told what is wrong',
    edits: [[AUTHORIZATION, 'apiKey === null || is404)', 'apiKey === null)']],
    caughtBy: [HTTP, 'a key is asked for also where there is no route or another method; any key will do then'],
  },
  {
    name: 'access: a route without a scope is open to any key',
    breaks: 'a route without a scope is for admin only',
    edits: [[AUTHORIZATION, "scope = 'admin'", "scope = 'read'"]],
    caughtBy: [HTTP, 'a route that says neither is for admin alone'],
  },
  {
    name: 'access: a route does not say its scope',
    breaks: 'who may do what is said where the route stands',
    edits: [['routes/cleanups/index.ts', "{ scope: 'admin' }", '{}']],
    caughtBy: [HTTP, 'every route has a scope or is public, and none both'],
  },
  {
    name: 'access: dead letters are open to consumers',
    breaks: 'each route is for its scope alone',
    edits: [['routes/events/dead/index.ts', "scope: 'admin'", "scope: 'consume'"]],
    caughtBy: [HTTP, 'GET /events/dead is for admin'],
  },
  {
    name: 'access: one of several scopes is not enough',
    breaks: 'each route is for its scopes',
    edits: [['src/access/api-key.ts', '[asked].flat().some(', '[asked].flat().every(']],
    caughtBy: [HTTP, 'GET /events/stats is for read and consume and admin'],
  },
  {
    name: 'access: an unknown key and no key get different answers',
    breaks: 'every bad key gets the same answer',
    edits: [
      [
        AUTHENTICATION,
        "reply.header('WWW-Authenticate', 'Bearer')",
        "reply.header('WWW-Authenticate', request.headers.authorization ? 'Bearer error=\"invalid_token\"' : 'Bearer')",
      ],
    ],
    caughtBy: [HTTP, 'no key, an unknown one and a revoked one get the same answer'],
  },
  {
    name: 'access: the overload limit is checked before the key',
    breaks: 'the key comes before all other checks',
    edits: [
      ['plugins/overload.ts', "'request-id', 'authorization'", "'request-id'"],
      [AUTHENTICATION, "'closing', 'audit-trail']", "'closing', 'audit-trail', 'overload']"],
    ],
    caughtBy: [HTTP, 'the key comes before all other checks'],
  },
  {
    name: 'access: all callers share the keys of submissions',
    breaks: 'nobody sees the answer of another',
    edits: [['routes/formulas/index.ts', 'const submission = { caller, key', "const submission = { caller: '', key"]],
    caughtBy: [HTTP, 'idempotency keys belong to the caller: nobody sees the answer of another'],
  },
  {
    name: 'access: recent answers are replayed to any caller',
    breaks: 'nobody sees the answer of another',
    edits: [
      ['routes/formulas/index.ts', 'request.rawRequest = { caller, key', "request.rawRequest = { caller: '', key"],
    ],
    caughtBy: [HTTP, 'idempotency keys belong to the caller: nobody sees the answer of another'],
  },
  {
    name: 'access: a caller is its key, not its name',
    breaks: 'rotation changes no answer',
    edits: [[AUTHENTICATION, 'request.caller = key.name', 'request.caller = key.sha256']],
    caughtBy: [HTTP, 'idempotency keys belong to the caller: nobody sees the answer of another'],
  },
  {
    name: 'keys: the secret is kept',
    breaks: 'only the SHA-256 is kept',
    edits: [[COMMAND, 'sha256: digestOf(secret), createdAt', 'sha256: digestOf(secret), secret, createdAt']],
    caughtBy: [COMMAND_TEST, 'create gives out a new secret of 256 bits, and keeps nothing of it but its SHA-256'],
  },
  {
    name: 'keys: the file can be read by others',
    breaks: 'the file is for its owner alone',
    edits: [[FILE, "openSync(draft, 'wx', 0o600)", "openSync(draft, 'wx', 0o644)"]],
    caughtBy: [COMMAND_TEST, 'a file that is made is for its owner alone'],
  },
  {
    name: 'keys: a change takes the file from its group',
    breaks: 'the service goes on reading what is revoked',
    edits: [[FILE, 'mode & (isSameGroup ? 0o044 : 0o004)', 'mode & 0']],
    caughtBy: [
      COMMAND_TEST,
      'a change of a file of mode 640 leaves 640: who could read it still can, and only its owner writes it',
    ],
  },
  {
    name: 'keys: the file is written in place',
    breaks: 'a reader sees the old keys or the new ones',
    edits: [
      [FILE, '    renameSync(draft, target)\n', '    writeFileSync(target, readFileSync(draft))\n    rmSync(draft)\n'],
    ],
    caughtBy: [COMMAND_TEST, 'the file is replaced as a whole: who reads the old one goes on reading it'],
  },
  {
    name: 'keys: two changes at a time overwrite each other',
    breaks: 'a revocation is never lost',
    edits: [[FILE, "openSync(draft, 'wx', 0o600)", "openSync(draft, 'w', 0o600)"]],
    caughtBy: [COMMAND_TEST, 'two changes at a time do not lose one another: the second is refused'],
  },
  {
    name: 'keys: a link is replaced by a file',
    breaks: 'the service reads what the command writes',
    edits: [[FILE, 'existsSync(path) ? realpathSync(path) : path', 'realpathSync.name && path']],
    caughtBy: [COMMAND_TEST, 'a link to the file stays one'],
  },
  {
    name: 'keys: a broken file revokes all keys',
    breaks: 'a broken file keeps the old keys',
    edits: [
      [
        RING,
        '    } catch (error) {\n      this.#retry',
        '    } catch (error) {\n      this.#byDigest = new Map()\n      this.#retry',
      ],
    ],
    caughtBy: [
      RING_TEST,
      'a file that is broken or gone leaves the keys in force and says so at once, until it is whole again',
    ],
  },
  {
    name: 'keys: revoked ones are kept when the file is read again',
    breaks: 'a revoked key is refused',
    edits: [
      [
        RING,
        '      this.#byDigest = this.#read()\n',
        '      this.#byDigest = new Map([...this.#byDigest, ...this.#read()])\n',
      ],
    ],
    caughtBy: [RING_TEST, 'a changed file is read again within a second'],
  },
  {
    name: 'keys: a key is known at the moment of its end',
    breaks: 'a key that has ended is refused',
    edits: [[RING, 'this.#clock.now() < endsAt', 'this.#clock.now() <= endsAt']],
    caughtBy: [RING_TEST, 'a key is known until its end, to the millisecond, and unknown from then on'],
  },
  {
    name: 'keys: a file that its group can write is taken',
    breaks: 'nobody but the owner of the file can add keys',
    edits: [[RING, '(mode & 0o022) !== 0', '(mode & 0o002) !== 0']],
    caughtBy: [RING_TEST, 'a file of mode 660 is refused at the start, and keeps the old keys later'],
  },
  {
    name: 'keys: a field that is not known is passed over',
    breaks: 'no unknown option is silently ignored',
    edits: [[FILE, 'return unknown === undefined ? null', "return unknown !== '' ? null"]],
    caughtBy: ['test/access/key-file.test.ts', 'a file with a field that nobody knows is refused'],
  },
  {
    name: 'keys: SIGHUP ends the service',
    breaks: 'SIGHUP reads the keys again',
    edits: [['src/server.ts', "config.apiKeysFile === null ? [] : ['SIGHUP']", '[]']],
    caughtBy: [
      PROCESS,
      'SIGHUP reloads the keys without ending the service; a broken file keeps the old keys and is logged',
    ],
  },
  {
    name: 'rate limit: each key has its own',
    breaks: 'a caller is bound by its limit',
    edits: [[LIMIT, '({ caller }: FastifyRequest) => caller', "({ apiKey }: FastifyRequest) => apiKey?.sha256 ?? ''"]],
    caughtBy: [LIMIT_TEST, 'the limit is that of the name: keys of one name share it, others have their own'],
  },
  {
    name: 'rate limit: requests for unknown routes are not counted',
    breaks: 'whatever a caller sends counts',
    edits: [[LIMIT, 'request.routeOptions.config.public ?', 'request.routeOptions.config.public || request.is404 ?']],
    caughtBy: [
      LIMIT_TEST,
      'whatever a caller sends counts: what is wrong, forbidden or leads nowhere, and what is replayed',
    ],
  },
  {
    name: 'rate limit: forbidden requests are not counted',
    breaks: 'whatever a caller sends counts',
    edits: [
      [AUTHORIZATION, "['authentication', 'rate-limit']", "['authentication']"],
      [LIMIT, "['authentication', 'tracing']", "['authorization', 'tracing']"],
    ],
    caughtBy: [
      LIMIT_TEST,
      'whatever a caller sends counts: what is wrong, forbidden or leads nowhere, and what is replayed',
    ],
  },
  {
    name: 'rate limit: a list of guesses counts as one request',
    breaks: 'guessing in lists is no cheaper',
    edits: [[LIMIT, 'count(request, reply, extra)', 'count(request, reply, 0)']],
    caughtBy: [
      LIMIT_TEST,
      'a list that is refused as known counts for each of its formulas; a replay, and one that is added, for itself',
    ],
  },
  {
    name: 'access: duplicates are shown to who may not read',
    breaks: 'what others submitted is for those who may read',
    edits: [['routes/formulas/answer.ts', "allows(apiKey.scopes, 'read')", "allows(apiKey.scopes, 'submit')"]],
    caughtBy: [DUPLICATES_TEST, 'who may not read learns of a duplicate its id alone, with onDuplicate=skip'],
  },
  {
    name: 'access: duplicates of an answer have no bound',
    breaks: 'a small request has a bounded answer kept',
    edits: [['src/stores/kept-answer.ts', 'this.#bytes < ANSWER_BYTES', 'this.#bytes >= 0']],
    caughtBy: [
      DUPLICATES_TEST,
      'once an answer has 4 MiB of formulas further duplicates are told by their ids, on replay too',
    ],
  },
  {
    name: 'CORS: any origin passes the check of the site',
    breaks: 'without keys no page of another site changes anything, but for those that are listed',
    edits: [['src/access/hosts.ts', 'origins.includes(origin)) return null', 'origins.length > 0) return null']],
    caughtBy: [
      'test/http/cors.test.ts',
      'without keys a page of a listed site may change things, whatever Sec-Fetch-Site says, and no other page',
    ],
  },
  {
    name: 'gzip: what was decompressed does not count',
    breaks: 'memory for bodies is bounded',
    edits: [
      [
        'plugins/overload.ts',
        '      if (!bodies.fits(chunk.length, request.bodyBytes)) return',
        '      if (chunk.length < 0) return',
      ],
    ],
    caughtBy: ['test/http/gzip.test.ts', 'a body in gzip may arrive in chunks, and beyond the byte budget is 503'],
  },
  {
    name: 'audit: the URL is logged as it was sent',
    breaks: 'no secret is logged',
    edits: [['plugins/audit.ts', 'route: routeOptions.url }', 'route: routeOptions.url, url: request.url }']],
    caughtBy: [AUDIT_TEST, 'each refused call is one line in the log: who, what and why, and no secret'],
  },
  {
    name: 'audit: what an administrator does is hidden by LOG_LEVEL',
    breaks: 'each administrative call is one line in the log',
    edits: [['plugins/audit-trail.ts', '{ level }', '{}']],
    caughtBy: [
      AUDIT_TEST,
      'at LOG_LEVEL=warn each successful administrative call has a line, however busy the service is',
    ],
  },
  {
    name: 'audit: what was limited leaves no line',
    breaks: 'each refused call is one line in the log',
    edits: [['plugins/audit.ts', "'FORBIDDEN', 'RATE_LIMITED'", "'FORBIDDEN'"]],
    caughtBy: [AUDIT_TEST, 'each refused call is one line in the log: who, what and why, and no secret'],
  },
  {
    name: 'audit: a call whose reply is lost leaves no line',
    breaks: 'each administrative call is one line in the log',
    edits: [['plugins/audit-trail.ts', "outcome === 'unknown'", 'owed === null']],
    caughtBy: [
      AUDIT_TEST,
      'any administrative call whose reply is lost is logged, also when its effect is only read back',
    ],
  },
]
