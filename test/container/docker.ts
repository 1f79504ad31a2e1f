import { spawn } from 'node:child_process'
import {
  ask,
  buildArgs,
  type Container,
  type ContainerEngine,
  ended,
  flags,
  type ImageConfig,
  type ImageFacts,
  toFacts,
  type Volume,
} from './engine.ts'

const IMAGE = 'formula-intake-check'
const PORT = 3000
const HARDENED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']

/** Docker, or Podman with the same commands. */
export class Docker implements ContainerEngine {
  readonly #program: string

  constructor(program: string) {
    this.#program = program
  }

  async build(folder: string, args: Record<string, string>): Promise<ImageFacts> {
    await this.#ask('build', ...buildArgs(args), '--tag', IMAGE, folder)
    const [image] = JSON.parse(await this.#ask('image', 'inspect', IMAGE)) as [{ Config: ImageConfig }]
    return toFacts(image.Config)
  }

  async files(folder: string): Promise<string[]> {
    return (await this.#ask('run', '--rm', '--entrypoint', 'find', IMAGE, folder, '-type', 'f')).split('\n')
  }

  async createVolume(): Promise<Volume> {
    const name = await this.#ask('volume', 'create')
    return { name, remove: async () => void (await this.#ask('volume', 'rm', '--force', name)) }
  }

  async start(volume: Volume, environment: Record<string, string>): Promise<Container> {
    const place = ['--volume', `${volume.name}:/data`, '--publish', `127.0.0.1::${PORT}`]
    const id = await this.#ask('run', '--detach', ...HARDENED, ...place, ...flags(environment), IMAGE)
    const address = await this.#ask('port', id, `${PORT}/tcp`)
    return {
      url: `http://${address.split('\n')[0]}`,
      log: () => this.#ask('logs', id),
      run: async (command) => (await ended(spawn(this.#program, ['exec', id, ...command]))).code ?? -1,
      end: async (signal) => {
        await this.#ask('kill', '--signal', signal, id)
        return Number(await this.#ask('wait', id))
      },
      remove: async () => void (await this.#ask('rm', '--force', id)),
    }
  }

  runToEnd(environment: Record<string, string>): Promise<{ code: number | null; output: string }> {
    return ended(spawn(this.#program, ['run', '--rm', ...HARDENED, ...flags(environment), IMAGE]))
  }

  #ask(...args: string[]): Promise<string> {
    return ask(this.#program, ...args)
  }
}
