/**
 * cluster: what of a stored cluster lies with brokers that don't run in this process: a directory that one of several brokers has left is
 * served as far as its bytes go.
 */
import { noLeader, type Partition } from './partition.ts'
import type { Registration } from './registrations.ts'

export interface OtherBrokersState {
  readonly registrations: readonly Registration[]
  partitions(): Iterable<Partition>
  /** Ids of the brokers of this process. */
  readonly own: ReadonlySet<number>
  /** The broker's replica lies in a directory of this process. */
  isHere(partition: Partition, brokerId: number): boolean
  /** All that the broker had lies in directories of this process: it ran beside those that run now. */
  wasHere(registration: Registration): boolean
}

/** One line for whoever starts a broker on such a directory; undefined where the cluster has no other brokers. */
export function describeOtherBrokers(state: OtherBrokersState): string | undefined {
  const { own } = state
  const stopped = new Set(stoppedBrokers(state))
  const brokers = new Set(state.registrations.map(({ id }) => id))
  let count = 0
  let led = 0
  let notHere = 0
  for (const partition of state.partitions()) {
    const { replicas, leaderId } = partition
    count += 1
    if (leaderId !== noLeader && own.has(leaderId)) led += 1
    else if (!replicas.some((id) => state.isHere(partition, id))) notHere += 1
    for (const id of replicas) brokers.add(id)
  }
  const others = [...brokers].filter((id) => !own.has(id) && !stopped.has(id)).sort((one, other) => one - other)
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

/** One line where an earlier process on this directory ran more brokers; undefined where it did not. */
export function describeStoppedBrokers(state: OtherBrokersState): string | undefined {
  const stopped = stoppedBrokers(state)
  if (stopped.length === 0) return undefined
  const waiting = [...state.partitions()].filter(
    ({ leaderId, replicas }) => leaderId === noLeader && replicas.some((id) => stopped.includes(id)),
  )
  const isOne = stopped.length === 1
  const served =
    waiting.length === 0
      ? 'others lead all that they led'
      : `${waiting.length} partitions wait for ${isOne ? 'it' : 'them'}`
  return `${brokersNamed(stopped)} of an earlier start with more brokers ${isOne ? 'is' : 'are'} not started: ${served}`
}

function stoppedBrokers({ registrations, own, wasHere }: OtherBrokersState): number[] {
  return registrations.filter((each) => !own.has(each.id) && wasHere(each)).map(({ id }) => id)
}

function brokersNamed(ids: readonly number[]): string {
  return ids.length === 1 ? `broker ${ids[0]}` : `brokers ${ids.join(', ')}`
}
