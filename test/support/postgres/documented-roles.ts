import { randomBytes } from 'node:crypto'
import { systemClock } from '../../../src/kit/clock.ts'
import { openPostgres } from '../../../src/stores/postgres/engine.ts'
import { DAY_MS } from '../../contract/open-stores.ts'
import { readPage } from '../docs/pages.ts'
import { type PostgresServer, query } from './server.ts'

/** The roles that docs/postgresql.md creates, under names that an external server does not have. */
export class DocumentedRoles {
  /** The page's statements for a database, as its owner runs them. */
  readonly grants: string[]
  readonly #server: PostgresServer
  readonly #creations: string[]
  /** The page's statements for the profile `portable`. */
  readonly #forProfile: string[]
  readonly #suffix = randomBytes(4).toString('hex')

  private constructor(server: PostgresServer) {
    const blocks = readPage('docs/postgresql.md').matchAll(/^```sql\n([^`]+)^```/gm)
    const [onServer = [], onDatabase = [], forProfile = []] = [...blocks].map(([, block = '']) =>
      block
        .replaceAll(/\bintake(_owner)?\b/g, `intake$1_${this.#suffix}`)
        .split(';')
        .map((statement) => statement.trim())
        .filter(Boolean),
    )
    this.#server = server
    this.#creations = onServer.filter((statement) => statement.startsWith('CREATE ROLE'))
    this.grants = onDatabase
    this.#forProfile = forProfile
  }

  static async create(server: PostgresServer): Promise<DocumentedRoles> {
    const roles = new DocumentedRoles(server)
    for (const statement of roles.#creations) await query(server.url(), statement)
    return roles
  }

  /** @returns the URL of a database as the role that owns its tables */
  asOwner = (url: string): string => this.#as(`intake_owner_${this.#suffix}`, url)

  /** @returns the URL of a database as the role that the service runs as */
  asService = (url: string): string => this.#as(`intake_${this.#suffix}`, url)

  #as(role: string, url: string): string {
    const password = new RegExp(`${role} LOGIN PASSWORD '(.*)'`).exec(this.#creations.join('\n'))?.[1]
    return Object.assign(new URL(url), { username: role, password }).href
  }

  /**
   * @param isPortable whether the URL gets the profile `portable`
   * @returns the URL of a database whose tables the owner has created, as the superuser
   */
  async createDatabase(isPortable = false): Promise<string> {
    const named = new URL(await this.#server.createDatabase())
    if (isPortable) named.searchParams.set('profile', 'portable')
    const url = named.href
    for (const statement of hasProfile(url) ? this.#forProfile : []) await query(url, statement)
    const owner = this.asOwner(url)
    await query(
      this.#server.url(),
      `ALTER DATABASE ${new URL(url).pathname.slice(1)} OWNER TO ${new URL(owner).username}`,
    )
    for (const statement of this.grants) await query(owner, statement)
    await (await openPostgres(owner, { clock: systemClock, answerTtlMs: DAY_MS, maxReceives: 5 })).close()
    return url
  }

  /** Drops the roles from an external server, once its databases are gone. */
  async drop(): Promise<void> {
    if (this.#server.isOurs) return
    for (const role of [`intake_${this.#suffix}`, `intake_owner_${this.#suffix}`]) {
      await query(this.#server.url(), `DROP ROLE ${role}`)
    }
  }
}

/** Whether a URL has the profile `portable`. TEST_DATABASE_URL may have it too. */
export const hasProfile = (url: string): boolean => new URL(url).searchParams.has('profile')
