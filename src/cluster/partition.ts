/** cluster: one partition as the brokers of this process see it: who leads it, its replicas, its log, and who waits for it. */
import { KafkaError } from '../../protocol/errors.ts'
import type { DecodedOf, EncodableOf } from '../../protocol/schema/index.ts'
import type { partitionChangeRecord, partitionRecord } from '../../protocol/state/index.ts'
import { defaultLogConfig } from '../log/log-config.ts'
import type { AppendResult, PartitionLog, TransactionAppend } from '../log/partition-log.ts'
import { settled } from '../runtime/serial-queue.ts'
import { brokerLists, directoryLists } from './shared-lists.ts'
import { isInternalTopic } from './topic.ts'

export type { TransactionAppend } from '../log/partition-log.ts'

/** Nobody leads it. */
export const noLeader = -1
/** PartitionChangeRecord: the leader stays. */
const sameLeader = -2
/** PartitionChangeRecord: the leader recovery state stays. */
const sameRecoveryState = -1
/** DirectoryId.UNASSIGNED: the replica has no directory yet. */
export const unassignedDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'
/** acks=all */
const allReplicas = -1

/** Keeps state over a partition's log, and writes to it. */
export interface LogKeeper {
  /** Resolves when nothing of it is on its way to the log any more. */
  close(): Promise<void>
}

export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly index: number
  /** The broker that leads it; -1 while none does. */
  leaderId: number
  leaderEpoch: number
  /** One more with each change of the partition. */
  partitionEpoch: number
  replicas: readonly number[]
  isr: readonly number[]
  eligibleLeaderReplicas: readonly number[]
  lastKnownElr: readonly number[]
  /** Of a reassignment under way. */
  removingReplicas: readonly number[]
  addingReplicas: readonly number[]
  /** 1 after an unclean election. */
  leaderRecoveryState: number
  /** The directory id of each replica. */
  directories: readonly string[]
  /** min.insync.replicas of its topic. */
  minInsyncReplicas = 1
  /** max.message.bytes of its topic. */
  maxMessageBytes = defaultLogConfig.maxMessageBytes
  /** Its topic was deleted, and with it its log. */
  isDeleted = false
  /** `topic-index`, the name of its directory. */
  readonly name: string
  /** Kafka itself keeps its state there. */
  readonly isInternal: boolean
  #log: PartitionLog | undefined
  #failure: KafkaError | undefined
  #stopLog: (() => void) | undefined
  #keeper: LogKeeper | undefined
  /** Resolves when keepers before the last one write no more. */
  #released: Promise<void> = settled
  /** Made for the first. */
  #listeners: Set<() => void> | undefined

  constructor(topic: string, record: DecodedOf<typeof partitionRecord>) {
    this.topic = topic
    this.topicId = record.topicId
    this.index = record.partitionId
    this.name = `${topic}-${record.partitionId}`
    this.isInternal = isInternalTopic(topic)
    this.leaderId = record.leader
    this.leaderEpoch = record.leaderEpoch
    this.partitionEpoch = record.partitionEpoch
    this.replicas = brokerLists.of(record.replicas)
    this.isr = brokerLists.of(record.isr)
    this.eligibleLeaderReplicas = brokerLists.of(record.eligibleLeaderReplicas ?? [])
    this.lastKnownElr = brokerLists.of(record.lastKnownElr ?? [])
    this.removingReplicas = brokerLists.of(record.removingReplicas)
    this.addingReplicas = brokerLists.of(record.addingReplicas)
    this.leaderRecoveryState = record.leaderRecoveryState
    this.directories = directoryLists.of(record.directories)
  }

  /** Its log can be used. */
  get isOpen(): boolean {
    return this.#log !== undefined && this.#failure === undefined
  }

  /** @throws KafkaError NOT_LEADER_OR_FOLLOWER while it is not open yet, KAFKA_STORAGE_ERROR when it can't be opened. */
  get log(): PartitionLog {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#log === undefined) throw new KafkaError('NOT_LEADER_OR_FOLLOWER')
    return this.#log
  }

  /** Its log can't be used: it could not be opened, or has failed since. */
  get isOffline(): boolean {
    return this.#failure !== undefined || this.#log?.failure !== undefined
  }

  /** Its log could not be opened. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** @throws KafkaError as `log` does, and KAFKA_STORAGE_ERROR when the log has gone offline since. */
  requireOpen(): void {
    const { failure } = this.log
    if (failure !== undefined) throw failure
  }

  /**
   * Appends a client's batches; see PartitionLog.append. `requiredAcks`: -1, 0 or 1. `transaction`: for a batch that was verified.
   * @throws KafkaError with -1, when fewer replicas than min.insync.replicas are in sync: NOT_ENOUGH_REPLICAS, or if that is so only by the
   * time when the batches are written, NOT_ENOUGH_REPLICAS_AFTER_APPEND
   */
  append(records: Buffer, requiredAcks: number, transaction?: TransactionAppend): Promise<AppendResult> {
    if (requiredAcks !== allReplicas || this.requiredInSync === 1)
      return this.log.append(records, 'client', transaction)
    this.#requireInSync('NOT_ENOUGH_REPLICAS')
    return this.log.append(records, 'client', transaction).then((result) => {
      this.#requireInSync('NOT_ENOUGH_REPLICAS_AFTER_APPEND')
      return result
    })
  }

  /**
   * Appends the control batch that ends a transaction of that version.
   * @throws KafkaError NOT_ENOUGH_REPLICAS, INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED, KAFKA_STORAGE_ERROR
   */
  async appendMarker(batch: Buffer, version: number): Promise<void> {
    this.#requireInSync('NOT_ENOUGH_REPLICAS')
    await this.log.append(batch, 'coordinator', { version })
  }

  /** How many replicas must be in sync: a topic with fewer than min.insync.replicas can still be written to (KIP-966). */
  get requiredInSync(): number {
    return Math.min(this.minInsyncReplicas, this.replicas.length)
  }

  /** While too few replicas are in sync what is appended might be lost: readers do not see it. To be called when either number changes. */
  settleHighWatermark(): void {
    this.#log?.holdHighWatermark(this.isr.length < this.requiredInSync)
  }

  /** @throws KafkaError `otherwise` */
  #requireInSync(otherwise: 'NOT_ENOUGH_REPLICAS' | 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'): void {
    const { isr, requiredInSync, name } = this
    if (isr.length >= requiredInSync) return
    throw new KafkaError(
      otherwise,
      `The size of the current ISR : ${isr.length} is insufficient to satisfy the min.isr requirement of ${requiredInSync} for partition ${name}, live replica(s) broker.id are : ${isr.join(',')}`,
    )
  }

  /**
   * `listener` runs when the high watermark, last stable offset or log start offset moved, the leader changed, or the partition
   * went. Returns the way to stop it.
   */
  onAdvance(listener: () => void): () => void {
    // A function of its own each time: the same listener may wait twice.
    const entry = (): void => listener()
    this.#listeners ??= new Set()
    const listeners = this.#listeners
    listeners.add(entry)
    return () => listeners.delete(entry)
  }

  /**
   * Ends whoever keeps state over this log, also for a broker that has led it before: two would not see what the other writes. Resolves when
   * the log can be read by the next one, which is to be named by `keptBy`.
   */
  release(): Promise<void> {
    if (this.#keeper !== undefined) this.#released = Promise.all([this.#released, this.#keeper.close()]).then(() => {})
    this.#keeper = undefined
    return this.#released
  }

  keptBy(keeper: LogKeeper): void {
    this.#keeper = keeper
  }

  /** Only for Cluster, which owns logs. */
  attach(log: PartitionLog): void {
    this.#stopLog?.()
    this.#log = log
    this.#stopLog = log.onAdvance(() => this.wake())
    this.settleHighWatermark()
  }

  /** Only for Cluster: the log can't be opened. */
  fail(error: KafkaError): void {
    this.#failure = error
  }

  /** Only for Cluster: the log goes, waiting readers wake. */
  detach(): void {
    this.#stopLog?.()
    this.#stopLog = undefined
    this.#log = undefined
    this.wake()
  }

  wake(): void {
    if (this.#listeners === undefined) return
    for (const listener of this.#listeners) listener()
  }

  /** Applies what a record says; a leader that is named, also the same again, starts a new leader epoch. */
  replay(record: DecodedOf<typeof partitionChangeRecord>): void {
    if (record.leader !== sameLeader) {
      this.leaderId = record.leader
      this.leaderEpoch += 1
    }
    const { isr, replicas, directories, removingReplicas, addingReplicas, eligibleLeaderReplicas, lastKnownElr } =
      record
    if (isr !== null) this.isr = brokerLists.of(isr)
    if (directories !== null && directories.length > 0) this.directories = directoryLists.of(directories)
    else if (replicas !== null) this.directories = directoryLists.of(this.#directoriesOf(replicas))
    if (replicas !== null) this.replicas = brokerLists.of(replicas)
    if (removingReplicas !== null) this.removingReplicas = brokerLists.of(removingReplicas)
    if (addingReplicas !== null) this.addingReplicas = brokerLists.of(addingReplicas)
    if (record.leaderRecoveryState !== sameRecoveryState) this.leaderRecoveryState = record.leaderRecoveryState
    if (eligibleLeaderReplicas !== null) this.eligibleLeaderReplicas = brokerLists.of(eligibleLeaderReplicas)
    if (lastKnownElr !== null) this.lastKnownElr = brokerLists.of(lastKnownElr)
    this.partitionEpoch += 1
    this.settleHighWatermark()
  }

  /** Applies ClearElrRecord. False: there was nothing to forget. */
  clearElr(): boolean {
    if (this.eligibleLeaderReplicas.length === 0 && this.lastKnownElr.length === 0) return false
    this.eligibleLeaderReplicas = []
    this.lastKnownElr = []
    return true
  }

  /** The record that makes the same partition again. */
  toRecord(): EncodableOf<typeof partitionRecord> {
    const { index, topicId, replicas, isr, leaderId, leaderEpoch, partitionEpoch, directories } = this
    return {
      partitionId: index,
      topicId,
      replicas,
      isr,
      removingReplicas: this.removingReplicas,
      addingReplicas: this.addingReplicas,
      leader: leaderId,
      leaderRecoveryState: this.leaderRecoveryState,
      leaderEpoch,
      partitionEpoch,
      directories,
      eligibleLeaderReplicas: this.eligibleLeaderReplicas.length > 0 ? this.eligibleLeaderReplicas : null,
      lastKnownElr: this.lastKnownElr.length > 0 ? this.lastKnownElr : null,
    }
  }

  /** A replica that stays keeps its directory. */
  #directoriesOf(replicas: readonly number[]): readonly string[] {
    if (this.directories.length === 0) return this.directories
    return replicas.map((id) => this.directories[this.replicas.indexOf(id)] ?? unassignedDirectory)
  }
}
