/** groups/consumer: what the steps of a consumer group work with: the surroundings that all groups share, and what is kept beside one group. */
import type { Cancel, Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { Random } from '../../runtime/random.ts'
import type { ClassicGroup } from '../classic/classic-group.ts'
import type { ClassicGroupOptions } from '../classic/classic-group-options.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerGroupConfigs } from './consumer-group-configs.ts'
import type { MemberDeadlines } from './member-deadlines.ts'
import type { TopicsImage } from './topics-image.ts'

export interface ConsumerGroupContext {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly topics: TopicsImage
  readonly configs: ConsumerGroupConfigs
  readonly classicGroups: ClassicGroups
}

/** The classic groups of the same shard. */
interface ClassicGroups {
  readonly options: ClassicGroupOptions
  get(groupId: string): ClassicGroup | undefined
  /** A group of yet another kind has the id. */
  isTaken(groupId: string): boolean
  /** The group is one of them from now on. */
  add(group: ClassicGroup): void
}

/** A group, and what is not in the log. */
export interface ConsumerGroupEntry {
  readonly group: ConsumerGroup
  readonly deadlines: MemberDeadlines
  /** Version of the topics in which none of the group's was found to have changed. */
  checkedVersion: number
  /** Its regular expressions are being resolved. */
  isResolving: boolean
  timerAtMs: number
  cancelTimer: Cancel | undefined
}

export function keepAlive(
  { clock }: ConsumerGroupContext,
  { deadlines }: ConsumerGroupEntry,
  memberId: string,
  sessionTimeoutMs: number,
): void {
  deadlines.set(memberId, 'session', clock.monotonicMs() + sessionTimeoutMs)
}
