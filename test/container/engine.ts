import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

/** What an image says of itself. */
export interface ImageFacts {
  user: string
  environment: string[]
  /** The command, without its leading `CMD`. */
  healthcheck: string[]
  stopSignal: string
  labels: Record<string, string>
  volumes: string[]
  ports: string[]
}

/** A container that runs. */
export interface Container {
  url: string
  /** Everything it has said so far. */
  log(): Promise<string>
  /** Runs a command in it. @returns its exit code */
  run(command: string[]): Promise<number>
  /** Sends a signal that is to end it. @returns its exit code */
  end(signal: NodeJS.Signals): Promise<number>
  /** Removes it, running or not. */
  remove(): Promise<void>
}

/** Data that outlives a container. */
export interface Volume {
  name: string
  remove(): Promise<void>
}

/** Builds the image and runs it as it is meant to be run: with a read-only root and without capabilities. */
export interface ContainerEngine {
  build(folder: string, args: Record<string, string>): Promise<ImageFacts>
  /** The paths of the files below a folder of the image. */
  files(folder: string): Promise<string[]>
  createVolume(): Promise<Volume>
  /** Starts the image's own command. */
  start(volume: Volume, environment: Record<string, string>): Promise<Container>
  /** Runs the image's own command until it ends by itself. */
  runToEnd(environment: Record<string, string>): Promise<{ code: number | null; output: string }>
}

/** An image's configuration in the form of Docker. */
export interface ImageConfig {
  User: string
  Env: string[]
  Healthcheck?: { Test: string[] }
  StopSignal: string
  Labels: Record<string, string>
  Volumes: Record<string, object>
  ExposedPorts: Record<string, object>
}

export function toFacts(config: ImageConfig): ImageFacts {
  return {
    user: config.User,
    environment: config.Env,
    healthcheck: config.Healthcheck?.Test.slice(1) ?? [],
    stopSignal: config.StopSignal,
    labels: config.Labels,
    volumes: Object.keys(config.Volumes),
    ports: Object.keys(config.ExposedPorts),
  }
}

const run = promisify(execFile)

/** Runs a command of the engine. @returns what it says. @throws with what it says on stderr */
export async function ask(program: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(program, args, { maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

/** Collects what a process says, on both streams. */
export function listen(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk))
  return () => output
}

export const buildArgs = (args: Record<string, string>): string[] =>
  Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])

/** The environment, as engines take it. */
export const flags = (environment: Record<string, string>): string[] =>
  Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`])

/** Waits for the end of a process. */
export async function ended(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  const output = listen(child)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}
