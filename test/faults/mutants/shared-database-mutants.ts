import type { Mutant } from './mutant.ts'

const CLIENT = 'src/stores/postgres/client.ts'
const DATABASE = 'src/stores/postgres/database.ts'
const HINTS = 'src/stores/postgres/ready-notifier.ts'
const INTAKE = 'src/stores/postgres/intake.ts'
const FUNCTIONS = 'src/stores/postgres/functions.ts'
const PRIMARY = 'src/stores/postgres/primary.ts'
const SAGA = 'src/stores/postgres/saga.ts'
const SCHEMA = 'src/stores/postgres/schema.ts'
const DOUBT = 'test/postgres/in-doubt.test.ts'
const HOSTS = 'test/postgres/several-hosts.test.ts'
const INSTANCES = 'test/postgres/instances.test.ts'

/** Bugs in how instances share a database, and in what happens when it fails. */
export const sharedDatabaseMutants: Mutant[] = [
  {
    name: 'postgres: a commit whose answer is lost is taken for one that failed',
    breaks: 'what is stored is answered so',
    classic: 'double publish on ambiguous commit',
    edits: [[INTAKE, 'if (isVoid === null || isVoid === false) return', 'if (isVoid === null) return']],
    caughtBy: [DOUBT, 'a commit whose answer is lost is looked up: the submission is answered, and stored once'],
  },
  {
    name: 'postgres: a write that is on its way is forgotten when its submission is given up',
    breaks: 'what is given up never takes effect',
    edits: [
      [
        INTAKE,
        '      await this.#makeVoid(write.id)\n      this.#inDoubt.delete(write)\n',
        '      this.#inDoubt.delete(write)\n',
      ],
    ],
    caughtBy: [DOUBT, 'every commit of a submission that was tried again and given up is void'],
  },
  {
    name: 'postgres: a write takes effect although it was made void',
    breaks: 'what is given up never takes effect',
    edits: [
      [
        FUNCTIONS,
        'INSERT INTO formula_intake.writes VALUES (write_id, now_ms);',
        'INSERT INTO formula_intake.writes VALUES (write_id, now_ms) ON CONFLICT (id) DO UPDATE SET void = false;',
      ],
    ],
    caughtBy: [DOUBT, 'what was given up while its commit was on its way never takes effect'],
  },
  {
    name: 'postgres: synchronous_commit is left to the default of the server',
    breaks: 'a 200 is on disk',
    classic: 'ack before commit',
    edits: [[DATABASE, "WHEN 'off' THEN 'on'", "WHEN 'off' THEN 'off'"]],
    caughtBy: [
      'test/postgres/durable.test.ts',
      'what was answered outlasts a crash also where the server answers before the disk has it',
    ],
  },
  {
    name: 'postgres: an answer is repeated though no standby has it',
    breaks: 'a 200 outlasts a failover with a synchronous standby',
    edits: [['src/stores/postgres/lookup.ts', '`FOR KEY SHARE OF answers`', "''"]],
    caughtBy: [
      'test/postgres/unreplicated.test.ts',
      'synchronous_commit=on: an answer that no standby has is neither given nor repeated, and its key is not said to be used',
    ],
  },
  {
    name: 'postgres: something is said to be gone by a primary that was replaced',
    breaks: 'a stale primary answers nothing that the next one has not',
    edits: [[DATABASE, 'WHERE single FOR KEY SHARE`', 'WHERE single`']],
    caughtBy: ['test/postgres/unreplicated.test.ts', 'nothing is said to be gone before a standby has that too'],
  },
  {
    name: 'postgres: leases that begin after the clock was set back do not end',
    breaks: 'an event that is not acknowledged comes again',
    edits: [['src/stores/postgres/lease-functions.ts', 'IF own.due_after > now_ms THEN', 'IF false THEN']],
    caughtBy: [
      'test/stores/postgres.test.ts',
      'postgres event queue: leases',
      'after the clock was set back, an event comes again when its lease or delay ends: returned',
    ],
  },
  {
    name: 'postgres: a server that refuses writes is kept',
    breaks: 'a demoted primary is left at once',
    edits: [[DATABASE, 'if (broken) this.#primary.lost()', '']],
    caughtBy: [HOSTS, 'of the servers in a URL, the one that accepts writes is used, and left once it refuses one'],
  },
  {
    name: 'postgres: a promoted primary is used only once the dead one was asked for long',
    breaks: 'the next primary is used at once',
    edits: [[PRIMARY, 'before === NO_CLUSTER ||', 'before !== "" ||']],
    caughtBy: [
      'test/postgres/dead-host.test.ts',
      'a primary that was promoted is used without waiting for the dead one to answer',
    ],
  },
  {
    name: 'postgres: a primary that was replaced is used again',
    breaks: 'the newest primary is used',
    edits: [[PRIMARY, 'generation < this.#newest', 'generation < NO_CLUSTER']],
    caughtBy: [HOSTS, 'a primary that was replaced is not used again, though it accepts writes'],
  },
  {
    name: 'postgres: a primary that hangs is kept',
    breaks: 'the newest primary is used',
    edits: [[PRIMARY, '(await again) !== server', '(await again) === null']],
    caughtBy: [HOSTS, 'a primary that hangs is left for one that was promoted, and what hangs there is given up'],
  },
  {
    name: 'postgres: timelines of different clusters are compared',
    breaks: 'no instance needs a restart after a change of the primary',
    edits: [[PRIMARY, 'await this.#clusterOf(client)', 'NO_CLUSTER']],
    caughtBy: [
      HOSTS,
      'the primary of a newer cluster, such as pg_upgrade makes, is used at once, and the older cluster no more',
    ],
  },
  {
    name: 'postgres: a connection to a dead host is waited for when it is ended',
    breaks: 'an instance stops within seconds',
    edits: [[CLIENT, 'setTimeout(() => this.connection.stream.destroy(), END_MS).unref()', '']],
    caughtBy: [
      'test/postgres/dead-host.test.ts',
      'an instance closes within seconds, with all connections, though its host is dead',
    ],
  },
  {
    name: 'postgres: work that is due is given to every instance that asks',
    breaks: 'a cleanup is run by one instance at a time',
    edits: [
      [
        SAGA,
        'WITH due AS (\n  UPDATE formula_intake.intents SET held_until =',
        'WITH due AS (\n  UPDATE formula_intake.intents SET held_until = 0 *',
      ],
    ],
    caughtBy: [INSTANCES, 'a due cleanup is given to one instance, however many ask'],
  },
  {
    name: 'postgres: the commit point of a saga does not check whether the attempt was taken over',
    breaks: 'an attempt is completed or rolled back, never both',
    classic: 'lease without fencing',
    edits: [[FUNCTIONS, "WHERE id = wanted AND state = 'pending';", 'WHERE id = wanted;']],
    caughtBy: [
      INSTANCES,
      'an attempt without heartbeats is rolled back by another instance, and its late completion refused',
    ],
  },
  {
    name: 'postgres: an attempt is rolled back while its owner lives',
    breaks: 'a live instance finishes its own submissions',
    edits: [[SAGA, "WHERE state = 'pending' AND held_until <=", "WHERE state = 'pending' AND 0 <="]],
    caughtBy: [INSTANCES, 'an owner whose heartbeat arrives at the last moment keeps its attempt'],
  },
  {
    name: 'postgres: instances make the tables without waiting for each other',
    breaks: 'instances may start at once',
    edits: [[SCHEMA, ' FOR UPDATE`', '`']],
    caughtBy: [
      'test/stores/open-postgres.test.ts',
      'an instance waits for one that migrates, and goes by what that did',
    ],
  },
  {
    name: 'postgres: an instance fails when another one creates the tables first',
    breaks: 'instances may start at once',
    edits: [[SCHEMA, '(23505|42P06|42P07|42710)', '(never)']],
    caughtBy: [INSTANCES, 'instances that start at once on an empty database create its tables once'],
  },
  {
    name: 'postgres: other instances are not told of what is stored',
    breaks: 'a long poll answers as soon as an event is there',
    edits: [[HINTS, "'SELECT pg_catalog.pg_notify($1, $2)'", "'SELECT $1::text, $2::text'"]],
    caughtBy: [INSTANCES, 'a long poll at one instance is woken by an event stored at another'],
  },
  {
    name: 'postgres: leases go by the clock of the process',
    breaks: 'instances whose clocks differ agree on when a lease ends',
    edits: [
      [DATABASE, '(clock === systemClock ? () => null : () => clock.now())', '() => clock.now()'],
      [DATABASE, 'import { type Clock, systemClock }', 'import type { Clock }'],
    ],
    caughtBy: ['test/process/clocks.test.ts', 'instances whose clocks are hours apart agree on when a lease ends'],
  },
  {
    name: 'postgres: a connection that the server ends takes the process with it',
    breaks: 'the service lives through whatever happens to the server',
    edits: [[DATABASE, "  pool.on('error', ignore)\n", '']],
    caughtBy: [
      INSTANCES,
      'connections that the server terminates, in use or idle, are replaced, and never end the process',
    ],
  },
  {
    name: 'postgres: a write in flight is forgotten after any later call of its submission',
    breaks: 'what is given up never takes effect',
    edits: [
      [INTAKE, "if (verdict.kind === 'answered' || verdict.kind === 'reused') this.#inDoubt.end", 'this.#inDoubt.end'],
    ],
    caughtBy: [
      DOUBT,
      'a late commit takes no effect even if another call of its submission was waiting when it was given up',
    ],
  },
  {
    name: 'postgres: an ack is answered before it is on disk',
    breaks: 'what was acknowledged never comes again',
    classic: 'ack before commit',
    edits: [
      [
        'src/stores/postgres/lease-functions.ts',
        ';\n  RETURN QUERY DELETE FROM',
        ' WHERE false;\n  RETURN QUERY DELETE FROM',
      ],
    ],
    caughtBy: [
      'test/postgres/durable.test.ts',
      'what was answered outlasts a crash also where the server answers before the disk has it',
      'leases, acks and nacks',
    ],
  },
  {
    name: 'postgres: other instances are not told what is worked off',
    breaks: 'a cleanup is run by one instance at a time',
    edits: [
      ['src/submission/recovery-worker.ts', '[...this.#saga.running, ...this.#recovering]', 'this.#saga.running'],
    ],
    caughtBy: [
      'test/submission/cleanup.test.ts',
      'cleanups in progress are in every heartbeat, also at start-up, so that other instances leave them alone',
    ],
  },
]
