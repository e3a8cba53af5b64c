// interop: what members' journals tell: which records were processed, which more than once, and where somebody began.

/** A record that a member was handed; `ms` by the clock of the machine that all share. */
export type Delivery = { ms: number; partition: number; offset: number }

type Commits = readonly { ms: number; offsets: ReadonlyMap<number, number> }[]

/** A member asks where to begin this long before it is handed the first record, at most. */
const beginsWithinMs = 5_000

const key = ({ partition, offset }: { partition: number; offset: number }) => `${partition}:${offset}`

export function unprocessed(journals: readonly Delivery[][], partitions: number, records: number): string[] {
  const processed = new Set(journals.flat().map(key))
  const all = Array.from({ length: partitions }, (_, partition) =>
    Array.from({ length: records }, (_, offset) => key({ partition, offset })),
  )
  return all.flat().filter((record) => !processed.has(record))
}

/** How many deliveries were not the first of their record. */
export function duplicates(journals: readonly Delivery[][]): number {
  const all = journals.flat().map(key)
  return all.length - new Set(all).size
}

/** Where a member began to read a partition, or began again, below what its group had committed by then. */
export function resumedBelowCommit(journals: readonly Delivery[][], commits: Commits): string[] {
  return journals.flatMap((journal) => {
    const next = new Map<number, number>()
    return journal.flatMap((delivery) => {
      const { ms, partition, offset } = delivery
      const isBeginning = next.get(partition) !== offset
      next.set(partition, offset + 1)
      const before = commits.findLast((seen) => seen.ms <= ms - beginsWithinMs)
      const committed = before?.offsets.get(partition) ?? -1
      return isBeginning && offset < committed ? [`${key(delivery)} of ${committed}`] : []
    })
  })
}
