import type { Node } from './node.ts'
import type { Replicas } from './replicas.ts'

export interface Failover {
  /** Who leads afterwards. */
  leader: 'another' | 'the same' | 'any'
  /** The primary's processes are ended with `kill -9`. */
  isDeath?: true
  /** Does the harm. @returns what undoes it, where something has to */
  harm(primary: Node, replicas: Replicas): Promise<(() => unknown) | undefined>
}

/** What happens to a replicated PostgreSQL. */
export const FAILOVERS: Record<string, Failover> = {
  'the primary is killed': {
    leader: 'another',
    isDeath: true,
    async harm(primary) {
      primary.killServer()
      return undefined
    },
  },
  'its machine dies': {
    leader: 'another',
    isDeath: true,
    async harm(primary) {
      await primary.kill()
      return () => primary.start()
    },
  },
  'its machine stands still, and goes on as a stale primary': {
    leader: 'another',
    async harm(primary) {
      primary.freeze()
      return () => primary.thaw()
    },
  },
  'its Patroni stands still, and it goes on beside the new primary': {
    leader: 'another',
    async harm(primary) {
      primary.freezePatroni()
      return () => primary.thaw()
    },
  },
  'it is cut off from etcd': {
    leader: 'another',
    async harm(primary) {
      primary.gate.shut()
      return () => primary.gate.open()
    },
  },
  'all three are killed, and started again': {
    leader: 'any',
    isDeath: true,
    async harm(_, { nodes }) {
      await Promise.all(nodes.map((node) => node.kill()))
      for (const node of nodes) node.start()
      return undefined
    },
  },
  'an operator switches over': {
    leader: 'another',
    async harm(primary) {
      await primary.switchOver()
      return undefined
    },
  },
  'the synchronous standby dies': {
    leader: 'the same',
    async harm(_, replicas) {
      const standby = await replicas.standby('synchronous')
      await standby.kill()
      return () => standby.start()
    },
  },
  'the leader of etcd dies': {
    leader: 'any',
    harm: (_, { etcd }) => etcd.killLeader(),
  },
}
