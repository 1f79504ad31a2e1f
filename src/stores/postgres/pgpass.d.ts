declare module 'pgpass' {
  /** Looks up a password in the file that PGPASSFILE names, or ~/.pgpass. */
  export default function passwordFile(
    server: { user: string; host: string; port: number; database: string },
    found: (password: string | undefined) => void,
  ): void
}
