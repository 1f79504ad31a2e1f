import { spawnSync } from 'node:child_process'
import { Buildah } from './buildah.ts'
import { Docker } from './docker.ts'
import type { ContainerEngine } from './engine.ts'

/** The engine named by CONTAINER_ENGINE, else the first that answers. */
export function findEngine(): ContainerEngine {
  const names = ['docker', 'podman', 'buildah']
  const wanted = process.env.CONTAINER_ENGINE
  const name = wanted ?? names.find((name) => spawnSync(name, ['info']).status === 0)
  if (name === undefined) throw new Error(`None of ${names.join(', ')} answers`)
  return name === 'buildah' ? new Buildah() : new Docker(name)
}
