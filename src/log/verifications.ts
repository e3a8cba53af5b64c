/**
 * log: which producers are about to begin a transaction in a partition: their batches wait until the coordinator has said that the partition is
 * part of it. Source: KIP-890, Kafka's VerificationStateEntry.
 */
import { KafkaError } from '../../protocol/errors.ts'
import type { RecordBatchView } from '../../protocol/records/record-batch.ts'
import { VerificationGuard } from './partition-log.ts'
import type { ProducerKey } from './producer-key.ts'

interface Verification {
  readonly guard: VerificationGuard
  readonly startMs: number
  readonly bumpsEpoch: boolean
  producerEpoch: number
  /** Of the batches of that epoch that wait. */
  lowestSequence: number
}

export class Verifications {
  readonly #byProducer = new Map<ProducerKey, Verification>()

  get isEmpty(): boolean {
    return this.#byProducer.size === 0
  }

  guardFor(
    key: ProducerKey,
    { producerEpoch, baseSequence, bumpsEpoch }: { producerEpoch: number; baseSequence: number; bumpsEpoch: boolean },
    nowMs: number,
  ): VerificationGuard {
    const known = this.#byProducer.get(key)
    if (known === undefined) {
      const guard = new VerificationGuard()
      this.#byProducer.set(key, { guard, startMs: nowMs, bumpsEpoch, producerEpoch, lowestSequence: baseSequence })
      return guard
    }
    if (producerEpoch > known.producerEpoch) {
      known.producerEpoch = producerEpoch
      known.lowestSequence = baseSequence
    } else if (producerEpoch === known.producerEpoch && baseSequence < known.lowestSequence) {
      known.lowestSequence = baseSequence
    }
    return known.guard
  }

  isCurrent(key: ProducerKey, guard: VerificationGuard): boolean {
    return this.#byProducer.get(key)?.guard === guard
  }

  /**
   * A batch must not pass an earlier one that is still to be verified again, or that would never get in.
   * `isFirst`: the partition knows no batch of this producer.
   * @throws KafkaError OUT_OF_ORDER_SEQUENCE_NUMBER
   */
  checkSequence(key: ProducerKey, { baseSequence }: RecordBatchView, isFirst: boolean): void {
    const known = this.#byProducer.get(key)
    if (known === undefined) return
    const least = known.bumpsEpoch && isFirst ? 0 : known.lowestSequence
    if (baseSequence <= least) return
    throw new KafkaError(
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      `Producer ${key} sent sequence ${baseSequence} where ${least} has to come first`,
    )
  }

  end(key: ProducerKey): void {
    this.#byProducer.delete(key)
  }

  expire(nowMs: number, expirationMs: number): void {
    for (const [key, { startMs }] of this.#byProducer) {
      if (nowMs - startMs >= expirationMs) this.#byProducer.delete(key)
    }
  }
}
