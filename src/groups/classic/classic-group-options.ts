/** groups: what a classic group is made with: the time, chance, and the configs that all groups share. */
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import type { GroupRecord } from '../group-records.ts'

export interface ClassicGroupOptions {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** group.max.size */
  readonly maxSize: number
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** Whether the log takes a record of this size. */
  fits(record: GroupRecord): boolean
}
