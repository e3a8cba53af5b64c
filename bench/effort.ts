/** bench: how much is done: for figures to go by, and for a quick look. */

export interface Effort {
  /** Rows that are not measured unless they are asked for by name. */
  readonly leavesOut: RegExp
  /** Payload of one run. */
  readonly loadMb: number
  readonly repeats: number
  /** Payload of each shape that is also read that goes through a broker before anything is measured, and of each other. */
  readonly warmUpMb: number
  readonly variationWarmUpMb: number
  /** Memory that is written to before a run, see README.md, "Memory". */
  readonly touchedMb: number
  readonly batchBytes: number
  readonly latencyMessages: number
  readonly latencyRounds: number
  /** How long messages are sent at a given pace. */
  readonly pacedMs: number
  readonly starts: number
  readonly settleMs: number
  /** How long a broker is watched that has nothing to do. */
  readonly idleMs: number
  /** How often a large topic is made. */
  readonly topicCreations: number
  /** Payload of cold-read. */
  readonly coldMb: number
  /** How long appends are counted. */
  readonly appendsMs: number
  /** Payload of restart-10gb at the first kill. */
  readonly restartMb: number
  readonly kills: number
  readonly emptyPartitions: number
  readonly compactionMb: number
  /** How long members of groups are watched that only heartbeat. */
  readonly heartbeatsMs: number
  readonly rebalances: number
  /** How long transactions follow each other in one run. */
  readonly transactionsMs: number
}

export const fullEffort: Effort = {
  leavesOut: /^$/,
  loadMb: 150,
  repeats: 3,
  warmUpMb: 200,
  variationWarmUpMb: 40,
  touchedMb: 2500,
  batchBytes: 65_536,
  latencyMessages: 2000,
  latencyRounds: 4,
  pacedMs: 5000,
  starts: 5,
  settleMs: 5000,
  idleMs: 5000,
  topicCreations: 2,
  coldMb: 1000,
  appendsMs: 2000,
  restartMb: 10_000,
  kills: 1,
  emptyPartitions: 10_000,
  compactionMb: 500,
  heartbeatsMs: 15_000,
  rebalances: 5,
  transactionsMs: 3000,
}

/** Those that start much, wait long or fill much. */
const heavyRows =
  /^(java-consume-.*|crowd|groups-.*|rebalance.*|restart-10gb|partitions-10k|compaction|install-size|memory-5000-connections|topic-2000)$/

export const quickEffort: Effort = {
  ...fullEffort,
  leavesOut: heavyRows,
  loadMb: 50,
  repeats: 1,
  warmUpMb: 50,
  variationWarmUpMb: 0,
  touchedMb: 1000,
  latencyMessages: 500,
  pacedMs: 1000,
  starts: 2,
  settleMs: 1500,
  idleMs: 3000,
  coldMb: 200,
  appendsMs: 1000,
  restartMb: 1000,
  compactionMb: 250,
  rebalances: 3,
  transactionsMs: 1500,
}
