/** log: whether one partition's log still serves, and why not: it is closed or deleted, it is damaged, or its disk has failed. */
import { KafkaError } from '../../protocol/errors.ts'
import { type Damage, damageError, openRemedy } from './damage.ts'
import { type LogStorage, storageError } from './log-storage.ts'

export class LogCondition {
  readonly #directory: string
  readonly #storage: LogStorage
  readonly #onStop: () => void
  #stopped: KafkaError | undefined
  #hasFailed = false
  #damage: Damage | undefined
  #isClosed = false

  /** `onStop`: what is remembered of it is not to be served any more. */
  constructor(directory: string, storage: LogStorage, onStop: () => void) {
    this.#directory = directory
    this.#storage = storage
    this.#onStop = onStop
  }

  /** Why nothing goes any more, in this log. */
  get stopped(): KafkaError | undefined {
    // Made when somebody asks: nearly nobody does when thousands of logs are closed.
    if (this.#isClosed) this.#stopped ??= new KafkaError('KAFKA_STORAGE_ERROR', `${this.#directory} is closed`)
    return this.#stopped
  }

  /** In this log or in its whole directory. */
  get failure(): KafkaError | undefined {
    return this.stopped ?? this.#storage.failure
  }

  get isStopped(): boolean {
    return this.#isClosed || this.#stopped !== undefined || this.#storage.failure !== undefined
  }

  /** By itself, or deleted. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** A storage failure has ended it: its files are not those of a clean stop. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** What `stopped` tells of, if it is that. */
  get damage(): Damage | undefined {
    return this.#damage
  }

  /** @throws KafkaError why it is not */
  ensureOpen(): void {
    const reason = this.failure
    if (reason !== undefined) throw reason
  }

  close(): void {
    this.#isClosed = true
    this.#storage.hasEndedLogs = true
    this.#onStop()
  }

  /** Its topic is gone, and whoever would ask for it. */
  delete(): void {
    this.#end(new KafkaError('UNKNOWN_TOPIC_OR_PARTITION'))
    this.#isClosed = true
  }

  /** What fails in files is the storage's error to a caller, or what has stopped the log meanwhile. */
  failedAccess(error: unknown): KafkaError {
    return error instanceof KafkaError ? error : (this.stopped ?? storageError(this.#directory, error))
  }

  /** What is written stays, what is pending is still written; then it is offline until somebody decides what is to be done. */
  damaged(damage: Damage): KafkaError {
    const error = damageError(damage, openRemedy(damage))
    this.#damage = damage
    this.#stop(error)
    const { path, position, firstOffset, nextOffset } = damage
    this.#storage.logger.error({ path, position, firstOffset, nextOffset }, error.message)
    return error
  }

  /** Nobody wants any more what the damage takes. */
  leaveDamageBehind(): void {
    this.#damage = undefined
    this.#stopped = undefined
  }

  /** The disk does not give back what it holds. */
  unreadable(error: unknown): void {
    this.#stop(storageError(this.#directory, error))
    this.#storage.logger.error({ directory: this.#directory, error }, 'reading failed: the partition is offline')
  }

  /** Which files are there, and what is in them, is not known any more. */
  failed(error: unknown): void {
    this.#hasFailed = true
    this.#stop(error instanceof KafkaError ? error : storageError(this.#directory, error))
    this.#storage.logger.error({ directory: this.#directory, error }, 'writing failed: the partition is offline')
  }

  #stop(reason: KafkaError): void {
    this.#storage.hasEndedLogs = true
    this.#end(reason)
  }

  #end(reason: KafkaError): void {
    if (this.stopped === undefined) this.#stopped = reason
    this.#onStop()
  }
}
