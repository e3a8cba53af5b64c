/**
 * cluster: what of a stored cluster lies with brokers that don't run in this process: a directory that one of several brokers has left is
 * served as far as its bytes go.
 */
import { noLeader, type Partition } from './partition.ts'
import type { Registration } from './registrations.ts'

export interface OtherBrokersState {
  readonly registrations: readonly Registration[]
  readonly partitions: Iterable<Partition>
  /** Ids of the brokers of this process. */
  readonly own: ReadonlySet<number>
  /** The broker's replica lies in a directory of this process. */
  isHere(partition: Partition, brokerId: number): boolean
}

/** One line for whoever starts a broker on such a directory; undefined where the cluster has no other brokers. */
export function describeOtherBrokers(state: OtherBrokersState): string | undefined {
  const { own } = state
  const brokers = new Set(state.registrations.map(({ id }) => id))
  let count = 0
  let led = 0
  let notHere = 0
  for (const partition of state.partitions) {
    const { replicas, leaderId } = partition
    count += 1
    if (leaderId !== noLeader && own.has(leaderId)) led += 1
    else if (!replicas.some((id) => state.isHere(partition, id))) notHere += 1
    for (const id of replicas) brokers.add(id)
  }
  const others = [...brokers].filter((id) => !own.has(id)).sort((one, other) => one - other)
  if (others.length === 0) return undefined
  const behind = count - led - notHere
  const unserved = [
    ...(notHere > 0 ? [`${notHere} with no replica here`] : []),
    ...(behind > 0 ? [`${behind} with a replica here that is not in sync`] : []),
  ]
  const served =
    unserved.length === 0
      ? `all ${count} partitions are served`
      : `${led} of ${count} partitions are served, and not ${unserved.join(' nor ')}`
  return `the cluster of this data also has ${brokersNamed(others)}, not run here: ${served}; what changes from now on is not known to other directories of that cluster, so start no broker on them again`
}

function brokersNamed(ids: readonly number[]): string {
  return ids.length === 1 ? `broker ${ids[0]}` : `brokers ${ids.join(', ')}`
}
