/** groups/consumer: partitions by topic id, as targets give them and as members own them. Values: a change makes a new one. */

/** Topic id to partitions. */
export type Partitions = ReadonlyMap<string, ReadonlySet<number>>
/** Topic id to partition to the member epoch in which it was assigned (KIP-1251). */
export type PartitionEpochs = ReadonlyMap<string, ReadonlyMap<number, number>>

/** As requests and answers list them. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export const noPartitions: ReadonlyMap<string, never> = new Map<string, never>()

export function hasPartition(
  partitions: ReadonlyMap<string, { has(partition: number): boolean }>,
  topicId: string,
  partition: number,
): boolean {
  return partitions.get(topicId)?.has(partition) ?? false
}

export function samePartitions(a: Partitions, b: Partitions): boolean {
  return (
    a.size === b.size &&
    [...a].every(([topicId, own]) => {
      const other = b.get(topicId)
      return other?.size === own.size && [...own].every((partition) => other.has(partition))
    })
  )
}

export function sameEpochs(a: PartitionEpochs, b: PartitionEpochs): boolean {
  return (
    a === b ||
    (a.size === b.size &&
      [...a].every(([topicId, own]) => {
        const other = b.get(topicId)
        return other?.size === own.size && [...own].every(([partition, epoch]) => other.get(partition) === epoch)
      }))
  )
}

/** All partitions with one epoch. */
export function withEpoch(
  partitions: ReadonlyMap<string, { keys(): Iterable<number> }>,
  epoch: number,
): PartitionEpochs {
  return new Map(
    Array.from(partitions, ([topicId, own]) => [
      topicId,
      new Map(Array.from(own.keys(), (partition) => [partition, epoch])),
    ]),
  )
}

/** In the order of the partitions, as nobody needs but everybody likes. */
export function listed(partitions: ReadonlyMap<string, { keys(): Iterable<number> }>): TopicPartitions[] {
  return Array.from(partitions, ([topicId, own]) => ({ topicId, partitions: [...own.keys()].sort((a, b) => a - b) }))
}

/** Whether every listed partition is among `partitions`. */
export function areAmong(listed: readonly TopicPartitions[], partitions: PartitionEpochs): boolean {
  return listed.every(({ topicId, partitions: own }) => {
    const among = partitions.get(topicId)
    return among !== undefined && own.every((partition) => among.has(partition))
  })
}
