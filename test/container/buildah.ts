import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as waitMs } from 'node:timers/promises'
import { childrenOf } from '../support/postgres/process-tree.ts'
import {
  ask,
  buildArgs,
  type Container,
  type ContainerEngine,
  ended,
  flags,
  type ImageFacts,
  listen,
  toFacts,
  type Volume,
} from './engine.ts'

const IMAGE = 'formula-intake-check'
/** The user `node` of the base image. */
const NODE_USER = 1000
/** Files that Buildah puts into a root, which must be there before it is read-only. */
const MOUNT_POINTS = ['run/.containerenv', 'etc/hosts', 'etc/resolv.conf']

process.env.BUILDAH_ISOLATION ??= 'chroot'
process.env.STORAGE_DRIVER ??= 'vfs'

/**
 * Buildah, for where no container engine runs, as root. The container shares the network of the machine, and its root is
 * made read-only by a mount. Buildah cannot forbid new privileges; the process has none, and no way to another user.
 */
export class Buildah implements ContainerEngine {
  #command: string[] = []

  async build(folder: string, args: Record<string, string>): Promise<ImageFacts> {
    // The format of OCI has no health check.
    await ask('buildah', 'bud', '--format', 'docker', '--pull-never', ...buildArgs(args), '--tag', IMAGE, folder)
    const { Docker } = JSON.parse(await ask('buildah', 'inspect', '--type', 'image', IMAGE))
    this.#command = Docker.config.Cmd
    return toFacts(Docker.config)
  }

  async files(folder: string): Promise<string[]> {
    const { name, root } = await newRoot()
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
    await ask('buildah', 'rm', name)
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
  }

  async createVolume(): Promise<Volume> {
    const name = await mkdtemp(join(tmpdir(), 'formula-intake-'))
    await chown(name, NODE_USER, NODE_USER)
    return { name, remove: () => rm(name, { recursive: true }) }
  }

  async start(volume: Volume, environment: Record<string, string>): Promise<Container> {
    const port = await freePort()
    const { name, root } = await newRoot()
    // Else Buildah mounts a folder of its own over ours.
    await ask('buildah', 'config', '--volume', '/data-', name)
    for (const file of MOUNT_POINTS) await writeFile(join(root, file), '', { flag: 'a' })
    await ask('mount', '--bind', root, root)
    await ask('mount', '--options', 'remount,ro,bind', root)
    const child = this.#spawn(name, { ...environment, PORT: String(port) }, ['--volume', `${volume.name}:/data`])
    const output = listen(child)
    const closed = once(child, 'close')
    const pid = await serverWithin(child)
    // It stays read-only for the container, which has seen its mounts; Buildah itself tidies up in it.
    await ask('umount', root)
    return {
      url: `http://127.0.0.1:${port}`,
      log: async () => output(),
      run: async (command) => {
        const args = ['run', '--env', `PORT=${port}`, name, '--', ...command]
        return (await ended(spawn('buildah', args))).code ?? -1
      },
      end: async (signal) => {
        process.kill(pid, signal)
        return (await closed)[0]
      },
      remove: async () => {
        if (child.exitCode === null) process.kill(pid, 'SIGKILL')
        await closed
        await ask('buildah', 'rm', name)
      },
    }
  }

  async runToEnd(environment: Record<string, string>): Promise<{ code: number | null; output: string }> {
    const { name } = await newRoot()
    const end = await ended(this.#spawn(name, environment))
    await ask('buildah', 'rm', name)
    return end
  }

  #spawn(name: string, environment: Record<string, string>, more: string[] = []): ChildProcess {
    const args = ['run', '--cap-drop', 'ALL', ...more, ...flags(environment), name, '--', ...this.#command]
    return spawn('buildah', args)
  }
}

async function newRoot(): Promise<{ name: string; root: string }> {
  const name = await ask('buildah', 'from', '--pull-never', IMAGE)
  return { name, root: await ask('buildah', 'mount', name) }
}

/** The process of the service, below those of Buildah, which come and go. */
async function serverWithin(child: ChildProcess): Promise<number> {
  while (child.exitCode === null) {
    const server = descendantsOf(child.pid as number).find(isNode)
    if (server !== undefined) return server
    await waitMs(50)
  }
  throw new Error('The container has ended')
}

const descendantsOf = (pid: number): number[] => childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])

function isNode(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith('/node')
  } catch {
    // It has ended meanwhile.
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
