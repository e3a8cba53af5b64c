/** cluster: elections of leaders that were not in sync, as Kafka's ControllerStats counts them: by what is replayed. */
import type { Partition } from './partition.ts'
import { recovering } from './partition-changes.ts'

export class ElectionCounts {
  /** The leader may lack what others had. */
  unclean = 0
  /** Of an eligible leader replica (KIP-966). */
  fromEligible = 0

  /** `partition` as it is before the change. */
  note(partition: Partition, change: { readonly leader: number; readonly leaderRecoveryState: number }): void {
    if (change.leaderRecoveryState === recovering) this.unclean += 1
    if (partition.eligibleLeaderReplicas.includes(change.leader)) this.fromEligible += 1
  }

  /** Those of former lives do not count. */
  startAnew(): void {
    this.unclean = 0
    this.fromEligible = 0
  }
}
