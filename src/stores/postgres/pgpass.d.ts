declare module 'pgpass' {
  /** Looks a password up in the file that PGPASSFILE names, or ~/.pgpass. */
  export default function passwordFile(
    server: { user: string; host: string; port: number; database: string },
    found: (password: string | undefined) => void,
  ): void
}
