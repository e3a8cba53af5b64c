/**
 * A transactional producer of the simulation, as clients are: it gets an epoch, writes transactions one after the other, tries again what may have
 * been lost, and gives up where it is fenced. `protocol`: by transaction version 1 it adds partitions itself and keeps its epoch; by
 * version 2 it leaves that to the broker, and gets an epoch with each end (KIP-890).
 */
import { type ErrorName, errorByCode } from '../../../protocol/errors.ts'
import { addOffsetsToTxn } from '../../../protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../protocol/messages/add-partitions-to-txn.ts'
import { endTxn } from '../../../protocol/messages/end-txn.ts'
import { initProducerId } from '../../../protocol/messages/init-producer-id.ts'
import { produce } from '../../../protocol/messages/produce.ts'
import { txnOffsetCommit } from '../../../protocol/messages/txn-offset-commit.ts'
import { buildRecordBatch } from '../../../protocol/records/index.ts'
import { Connection, lost } from './connection.ts'
import { dataTopic, inputTopic } from './topics.ts'
import type { LedgerTransaction, ProducerEpoch } from './transaction-ledger.ts'
import type { TransactionSimulation } from './transaction-simulation.ts'

/** How a step of a client ends: it goes on, the transaction can only be aborted, or the producer is of no use any more. */
type Outcome = 'done' | 'abortable' | 'fatal'

/** As after delivery.timeout.ms: what was asked may come to pass yet. */
const givenUp = Symbol('given up')
const noEpoch: ProducerEpoch = { producerId: -1n, producerEpoch: -1 }
/** Then a step is given up. */
const mostAttempts = 60
/** What was asked may have come to pass in spite of them: the coordinator could not write, or not say that it had written. */
const uncertain: readonly string[] = [
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_SERVER_ERROR',
]
const retriable: readonly string[] = [
  'NOT_COORDINATOR',
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'CONCURRENT_TRANSACTIONS',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_TOPIC_OR_PARTITION',
]
const fatal: readonly string[] = ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_ID_MAPPING']
const abortable: readonly string[] = [
  'TRANSACTION_ABORTABLE',
  'INVALID_TXN_STATE',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'OPERATION_NOT_ATTEMPTED',
]

export class SimulatedProducer {
  readonly #simulation: TransactionSimulation
  readonly #connection: Connection
  readonly #transactionalId: string
  readonly #protocol: 1 | 2
  readonly #versions: Readonly<Record<'init' | 'add' | 'produce' | 'offsets' | 'end', number>>
  readonly #name: string
  #epoch = noEpoch
  readonly #sequences = new Map<number, number>()
  /** Partitions of the open transaction, added by this client. */
  readonly #added = new Set<number>()
  /** Of this epoch a batch may come yet that was given up (KIP-360). */
  #needsEpoch = false

  constructor(simulation: TransactionSimulation, transactionalId: string, instance: number) {
    const { chance } = simulation
    this.#simulation = simulation
    this.#transactionalId = transactionalId
    this.#name = `${transactionalId}/${instance}`
    this.#connection = new Connection(simulation, this.#name)
    this.#protocol = chance.pick([1, 2])
    this.#versions =
      this.#protocol === 2
        ? { init: 5, add: -1, produce: 12, offsets: 5, end: 5 }
        : {
            init: chance.pick([1, 3, 4, 5]),
            add: chance.pick([0, 1, 2, 3]),
            produce: chance.pick([3, 8, 9, 11]),
            offsets: chance.pick([0, 2, 3, 4]),
            end: chance.pick([0, 2, 3, 4]),
          }
  }

  /** Resolves when it has written its transactions, was fenced, or has died. */
  async run(transactions: number): Promise<void> {
    const { chance } = this.#simulation
    this.#note(`starts with protocol ${this.#protocol}`)
    if ((await this.#init()) !== 'done') return this.#note('got no epoch')
    for (let done = 0; done < transactions; done += 1) {
      if (!(await this.#transact())) return this.#note('ends')
      await this.#simulation.sleep(chance.pick([0, 0, 100, 3000]))
    }
    this.#note('is through')
  }

  /** False: it can't go on. */
  async #transact(): Promise<boolean> {
    const { chance, ledger, partitions } = this.#simulation
    const transaction = ledger.begin(this.#transactionalId)
    const count = chance.between(1, partitions)
    const chosen = Array.from({ length: partitions }, (_, index) => index).slice(0, count)
    this.#note(`begins transaction ${transaction.number} with epoch ${this.#epoch.producerEpoch} in ${chosen}`)
    this.#added.clear()
    let outcome: Outcome = 'done'
    for (let round = chance.between(1, 3); round > 0 && outcome === 'done'; round -= 1) {
      const outcomes = await Promise.all(chosen.map((partition) => this.#send(transaction, partition)))
      outcome = worst(outcomes)
      if (chance.happens(0.05)) {
        this.#note('dies')
        return false
      }
      // A long pause makes it a zombie: its transaction times out, or another producer takes over.
      if (chance.happens(0.3)) await this.#simulation.sleep(chance.pick([10, 1000, 10_000, 90_000]))
    }
    if (outcome === 'done' && chance.happens(0.5)) outcome = await this.#commitOffset(transaction)
    if (outcome === 'fatal') return false
    const isCommit = outcome === 'done' && chance.happens(0.75)
    outcome = await this.#end(transaction, isCommit)
    // Fenced, or ended by somebody else: then there is nothing to abort, and it starts anew.
    if (outcome === 'abortable' && isCommit) outcome = await this.#end(transaction, false)
    if (outcome === 'abortable') outcome = await this.#init()
    else if (outcome === 'done' && this.#needsEpoch) outcome = await this.#init()
    return outcome === 'done'
  }

  async #init(): Promise<Outcome> {
    const { chance, ledger } = this.#simulation
    const goesOn = this.#epoch !== noEpoch && this.#versions.init >= 3
    const expected = goesOn ? this.#epoch : noEpoch
    const transactionTimeoutMs = chance.pick([5000, 20_000, 60_000])
    const request = { transactionalId: this.#transactionalId, transactionTimeoutMs, ...expected }
    return await this.#repeat('InitProducerId', async () => {
      const answer = await this.#connection.ask(initProducerId, this.#versions.init, request, this.#late)
      if (answer === lost) return lost
      const { errorCode, producerId, producerEpoch } = answer
      if (errorCode === 0) {
        this.#taken({ producerId, producerEpoch })
        this.#needsEpoch = false
        ledger.given(this.#transactionalId, this.#epoch)
      }
      return nameOf(errorCode)
    })
  }

  async #send(transaction: LedgerTransaction, partition: number): Promise<Outcome> {
    if (this.#protocol === 1 && !this.#added.has(partition)) {
      const added = await this.#add(partition)
      if (added !== 'done') return added
      this.#added.add(partition)
    }
    const name = `${dataTopic}-${partition}`
    const first = transaction.records.get(name) ?? 0
    const count = this.#simulation.chance.between(1, 3)
    transaction.records.set(name, first + count)
    const baseSequence = this.#sequences.get(partition) ?? 0
    this.#sequences.set(partition, baseSequence + count)
    const records = this.#batch(transaction, first, count, baseSequence)
    const topicData = [{ name: dataTopic, partitionData: [{ index: partition, records }] }]
    const request = { transactionalId: this.#transactionalId, acks: -1, timeoutMs: 30_000, topicData }
    const outcome = await this.#repeat('Produce', async () => {
      const answer = await this.#connection.ask(produce, this.#versions.produce, request, { canBeLate: true })
      if (answer === lost) return this.#simulation.chance.happens(0.5) ? givenUp : lost
      const error = nameOf(answer.responses[0]!.partitionResponses[0]!.errorCode)
      return error === 'DUPLICATE_SEQUENCE_NUMBER' ? 'NONE' : error
    })
    if (outcome !== 'done') this.#needsEpoch = true
    return outcome
  }

  #batch(transaction: LedgerTransaction, first: number, count: number, baseSequence: number): Buffer {
    const { number } = transaction
    const timestamp = this.#simulation.clock.now()
    const records = Array.from({ length: count }, (_, index) => ({
      timestamp,
      key: Buffer.from(this.#transactionalId),
      value: Buffer.from(`${number}:${first + index}`),
    }))
    return buildRecordBatch({ ...this.#epoch, baseSequence, isTransactional: true }, records)
  }

  #add(partition: number): Promise<Outcome> {
    const { producerId, producerEpoch } = this.#epoch
    const request = {
      v3AndBelowTransactionalId: this.#transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: dataTopic, partitions: [partition] }],
    }
    return this.#repeat('AddPartitionsToTxn', async () => {
      const answer = await this.#connection.ask(addPartitionsToTxn, this.#versions.add, request)
      if (answer === lost) return lost
      return nameOf(answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode)
    })
  }

  async #commitOffset(transaction: LedgerTransaction): Promise<Outcome> {
    const producer = { transactionalId: this.#transactionalId, ...this.#epoch }
    const groupId = this.#simulation.groupOf(this.#transactionalId)
    transaction.commitsOffset = true
    if (this.#protocol === 1) {
      const added = await this.#repeat('AddOffsetsToTxn', async () => {
        const answer = await this.#connection.ask(addOffsetsToTxn, this.#versions.add, { ...producer, groupId })
        return answer === lost ? lost : nameOf(answer.errorCode)
      })
      if (added !== 'done') return added
    }
    const partitions = [{ partitionIndex: 0, committedOffset: transaction.number, committedMetadata: '' }]
    const request = { ...producer, groupId, topics: [{ name: inputTopic, partitions }] }
    const outcome = await this.#repeat('TxnOffsetCommit', async () => {
      const answer = await this.#connection.ask(txnOffsetCommit, this.#versions.offsets, request, this.#late)
      return answer === lost ? lost : nameOf(answer.topics[0]!.partitions[0]!.errorCode)
    })
    if (outcome !== 'done') this.#needsEpoch = true
    return outcome
  }

  async #end(transaction: LedgerTransaction, isCommit: boolean): Promise<Outcome> {
    const { ledger } = this.#simulation
    const wasFenced = ledger.isFenced(this.#transactionalId, this.#epoch)
    if (isCommit) transaction.fate = 'committing'
    let isCertain = true
    const request = { transactionalId: this.#transactionalId, ...this.#epoch, committed: isCommit }
    this.#note(`${isCommit ? 'commits' : 'aborts'} transaction ${transaction.number}`)
    const outcome = await this.#repeat('EndTxn', async () => {
      const answer = await this.#connection.ask(endTxn, this.#versions.end, request, this.#late)
      if (answer === lost) {
        isCertain = false
        return lost
      }
      const { errorCode, producerId, producerEpoch } = answer
      if (errorCode === 0 && this.#protocol === 2) this.#taken({ producerId, producerEpoch })
      const name = nameOf(errorCode)
      if (uncertain.includes(name)) isCertain = false
      return name
    })
    if (outcome === 'done') {
      if (isCommit) ledger.committed(transaction, wasFenced)
      else if (transaction.fate === 'open') ledger.aborted(transaction)
      ledger.given(this.#transactionalId, this.#epoch)
      this.#note(`transaction ${transaction.number} is ${transaction.fate}`)
    } else if (isCommit && isCertain) {
      ledger.aborted(transaction)
    }
    return outcome
  }

  /** With version 2, an epoch tells a request of an earlier transaction from one of the next; with version 1 clients rely on order. */
  get #late(): { canBeLate: boolean } {
    return { canBeLate: this.#protocol === 2 }
  }

  #taken(epoch: ProducerEpoch): void {
    const { producerId, producerEpoch } = this.#epoch
    if (epoch.producerId === producerId && epoch.producerEpoch === producerEpoch) return
    this.#note(`has producer ${epoch.producerId}, epoch ${epoch.producerEpoch}`)
    this.#epoch = epoch
    this.#sequences.clear()
    this.#needsEpoch = false
  }

  /** Asks until there is an answer that says more than to come again. */
  async #repeat(what: string, ask: () => Promise<ErrorName | typeof lost | typeof givenUp>): Promise<Outcome> {
    for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
      const answer = await ask()
      if (answer === 'NONE') return 'done'
      if (answer === givenUp) break
      if (answer !== lost && !retriable.includes(answer)) {
        this.#note(`${what}: ${answer}`)
        if (fatal.includes(answer)) return 'fatal'
        if (abortable.includes(answer)) return 'abortable'
        this.#simulation.fail(`${this.#name}: ${what} was answered with ${answer}`)
      }
      await this.#simulation.sleep(this.#simulation.chance.between(20, 200))
    }
    this.#note(`${what} is given up`)
    return what === 'EndTxn' || what === 'InitProducerId' ? 'fatal' : 'abortable'
  }

  #note(what: string): void {
    this.#simulation.note(`${this.#name}: ${what}`)
  }
}

function nameOf(code: number): ErrorName {
  return errorByCode(code).name
}

function worst(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes('fatal')) return 'fatal'
  return outcomes.includes('abortable') ? 'abortable' : 'done'
}
