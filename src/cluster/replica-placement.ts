/**
 * cluster: which brokers get the replicas of new partitions. Leaders go round the brokers, starting anywhere; the replicas of one partition
 * lie on as many racks as there are. Fenced brokers get those that the others are too few for.
 *
 *     brokers 1 2 3, three partitions, two replicas, start at 2:   2,3 · 3,1 · 1,2
 */
import { KafkaError } from '../../protocol/errors.ts'

export interface PlaceableBroker {
  readonly id: number
  readonly rack: string | null
  readonly isFenced: boolean
}

/**
 * The replicas of each of `partitions` new partitions, the leader first. `chance`: at least 0, less than 1.
 * @throws KafkaError INVALID_REPLICATION_FACTOR
 */
export function placeReplicas(
  brokers: readonly PlaceableBroker[],
  partitions: number,
  replicationFactor: number,
  chance: () => number,
): number[][] {
  const refuse = (reason: string): KafkaError =>
    new KafkaError(
      'INVALID_REPLICATION_FACTOR',
      `Unable to replicate the partition ${replicationFactor} time(s): ${reason}`,
    )
  if (brokers.every(({ isFenced }) => isFenced)) {
    throw refuse('All brokers are currently fenced, or have all their log directories cordoned.')
  }
  if (replicationFactor > brokers.length) {
    throw refuse(
      `The target replication factor of ${replicationFactor} cannot be reached because only ${brokers.length} broker(s) are registered or some brokers have all their log directories cordoned.`,
    )
  }
  const alive = brokers.filter(({ isFenced }) => !isFenced)
  const count = Math.min(replicationFactor, alive.length)
  const placed = stripe(alive, partitions, count, chance)
  if (count === replicationFactor) return placed
  const fenced = brokers.filter(({ isFenced }) => isFenced)
  const rest = stripe(fenced, partitions, replicationFactor - count, chance)
  return placed.map((replicas, partition) => [...replicas, ...rest[partition]!])
}

function stripe(
  brokers: readonly PlaceableBroker[],
  partitions: number,
  count: number,
  chance: () => number,
): number[][] {
  const racks = racksOf(brokers)
  const starts = racks.map((rack) => Math.floor(chance() * rack.length))
  const firstRack = Math.floor(chance() * racks.length)
  return Array.from({ length: partitions }, (_, partition) => {
    const replicas: number[] = []
    const round = Math.floor(partition / racks.length)
    for (let turn = 0; replicas.length < count; turn += 1) {
      for (let step = 0; step < racks.length && replicas.length < count; step += 1) {
        const rackIndex = (firstRack + partition + step) % racks.length
        const rack = racks[rackIndex]!
        if (turn < rack.length) replicas.push(rack[(starts[rackIndex]! + round + turn) % rack.length]!)
      }
    }
    return replicas
  })
}

/** Broker ids by rack, both sorted; brokers without a rack are on one of their own. */
function racksOf(brokers: readonly PlaceableBroker[]): number[][] {
  const byRack = new Map<string, number[]>()
  for (const { id, rack } of brokers) byRack.set(rack ?? '', [...(byRack.get(rack ?? '') ?? []), id])
  return [...byRack].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, ids]) => ids.sort((a, b) => a - b))
}
