import type { Node, Replicas } from './replicas.ts'

export interface Failover {
  /** Whether the primary dies, as far as the others can see. */
  isDeath: boolean
  /** Who leads afterwards. */
  leader: 'another' | 'the same' | 'any'
  /** Does the harm. @returns what undoes it, where something has to */
  harm(primary: Node, replicas: Replicas): Promise<(() => unknown) | undefined>
}

const death = { isDeath: true, leader: 'another' } as const
const harmless = { isDeath: false, leader: 'the same' } as const

/** What happens to a replicated PostgreSQL. */
export const FAILOVERS: Record<string, Failover> = {
  'the primary is killed': {
    ...death,
    async harm(primary) {
      primary.killServer()
      return undefined
    },
  },
  'its machine dies': {
    ...death,
    async harm(primary) {
      await primary.kill()
      return () => primary.start()
    },
  },
  'its machine stands still, and goes on as a stale primary': {
    ...death,
    async harm(primary) {
      primary.freeze()
      return () => primary.thaw()
    },
  },
  'its Patroni stands still, and it goes on beside the new primary': {
    ...death,
    async harm(primary) {
      primary.freezePatroni()
      return () => primary.thaw()
    },
  },
  'it is cut off from etcd': {
    ...death,
    async harm(primary) {
      primary.gate.shut()
      return () => primary.gate.open()
    },
  },
  'all three are killed, and started again': {
    ...death,
    leader: 'any',
    async harm(_, { nodes }) {
      await Promise.all(nodes.map((node) => node.kill()))
      for (const node of nodes) node.start()
      return undefined
    },
  },
  'an operator switches over': {
    isDeath: false,
    leader: 'another',
    async harm(primary) {
      await primary.switchOver()
      return undefined
    },
  },
  'the synchronous standby dies': {
    ...harmless,
    async harm(_, replicas) {
      const standby = await replicas.standby('synchronous')
      await standby.kill()
      return () => standby.start()
    },
  },
  'the leader of etcd dies': {
    ...harmless,
    leader: 'any',
    harm: (_, { etcd }) => etcd.killLeader(),
  },
}
