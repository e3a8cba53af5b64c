/** groups/consumer: what consumer groups are told by configs, as they are now: group.consumer.* and those of the group itself. */
import type { ServerAssignor } from '../assignors/server-assignor.ts'

export interface ConsumerGroupConfigs {
  /** consumer.session.timeout.ms */
  sessionTimeoutMs(groupId: string): number
  /** consumer.heartbeat.interval.ms */
  heartbeatIntervalMs(groupId: string): number
  /** consumer.assignment.interval.ms: between two new targets; 0: none. */
  assignmentIntervalMs(groupId: string): number
  /** group.consumer.assignors: at least one, the first is for groups that ask for none. */
  readonly assignors: readonly ServerAssignor[]
  /** group.consumer.max.size */
  readonly maxSize: number
  /** group.max.size: a larger group is not turned into a classic one. */
  readonly classicMaxSize: number
  /** group.consumer.migration.policy */
  readonly migrationPolicy: MigrationPolicy
  /** group.consumer.regex.refresh.interval.ms */
  readonly regexRefreshIntervalMs: number
}

export interface MigrationPolicy {
  /** A classic group with members becomes a consumer group. */
  readonly upgrades: boolean
  /** A consumer group whose members all use the classic protocol becomes a classic group. */
  readonly downgrades: boolean
}

/** The config is any case of `disabled`, `upgrade`, `downgrade`, `bidirectional`. */
export function migrationPolicy(config: string): MigrationPolicy {
  const name = config.toLowerCase()
  return {
    upgrades: name === 'bidirectional' || name === 'upgrade',
    downgrades: name === 'bidirectional' || name === 'downgrade',
  }
}
