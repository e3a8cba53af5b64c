/**
 * cluster: the brokers of this process as the controller sees them: they register, are fenced and go, and partitions get their leaders by
 * that. What each one does by itself is `Broker`'s.
 */
import { brokerRegistrationChangeRecord, registerBrokerRecord } from '../../protocol/state/index.ts'
import type { BrokerConfig } from '../config/index.ts'
import { type Decision, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { type Random, randomUuid } from '../runtime/random.ts'
import type { Broker } from './broker.ts'
import { type Features, supportedFeatures } from './features.ts'
import {
  decideBrokerStarted,
  decideBrokerStopped,
  decideBrokersAbsent,
  decideLeader,
  decidePreferredLeaders,
  type LeadershipState,
} from './leadership.ts'
import type { LogDirectories } from './log-directories.ts'
import { describeOtherBrokers, describeStoppedBrokers, type OtherBrokersState } from './other-brokers.ts'
import type { Partition } from './partition.ts'
import { PreferredLeaders } from './preferred-leaders.ts'
import type { Endpoint, Registrations } from './registrations.ts'
import type { Topics } from './topics.ts'

interface BrokersOptions {
  readonly topics: Topics
  readonly registrations: Registrations
  readonly features: Features
  readonly directories: LogDirectories
  /** Of meta.properties. */
  readonly nodeId: number
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** Changes metadata, and makes the process follow. */
  run<R>(decide: (nextOffset: number) => Decision<R> | Promise<Decision<R>>): Promise<R>
  /** What is set for all brokers, with the dynamic ones of that moment. */
  config(): BrokerConfig
  /** unclean.leader.election.enable of its topic. */
  mayElectUnclean(partition: Partition): boolean
  /** What a broker that has started makes complete. */
  decideEndedReassignments(partitions: readonly Partition[], brokerId: number): readonly MetadataRecord[]
}

/** Partition changes written as one batch. */
const changesPerBatch = 5_000

export class Brokers {
  readonly #options: BrokersOptions
  readonly #byId = new Map<number, Broker>()
  readonly #preferredLeaders: PreferredLeaders
  /** Those that have been, in this process. */
  readonly #started = new WeakSet<Broker>()
  #isClosing = false

  constructor(options: BrokersOptions) {
    this.#options = options
    this.#preferredLeaders = new PreferredLeaders({
      clock: options.clock,
      config: () => options.config(),
      elect: () => this.#electPreferredLeaders(),
    })
  }

  add(broker: Broker): void {
    this.#byId.set(broker.id, broker)
  }

  get(id: number): Broker | undefined {
    return this.#byId.get(id)
  }

  /** -1 where none runs. */
  get highestEpoch(): number {
    return Math.max(-1, ...[...this.#byId.values()].map(({ epoch }) => epoch))
  }

  /** Stops all; `onFailure` hears of each one that can't. */
  async close(onFailure: (error: unknown) => void): Promise<void> {
    this.#isClosing = true
    await this.#preferredLeaders.stop()
    for (const broker of this.#byId.values()) await broker.stop().catch(onFailure)
  }

  /** Only for Broker. Returns the broker's epoch. */
  async started(broker: Broker, endpoints: readonly Endpoint[]): Promise<number> {
    const { features, directories, random, run, decideEndedReassignments } = this.#options
    const epoch = await run((nextOffset) => ({
      records: [
        metadataRecord(registerBrokerRecord, features.registerBrokerRecordVersion, {
          brokerId: broker.id,
          incarnationId: randomUuid(random),
          brokerEpoch: nextOffset,
          endPoints: endpoints.map((endpoint) => ({ ...endpoint })),
          features: supportedFeatures,
          rack: broker.rack,
          fenced: true,
          logDirs: directories.usable.map(({ directoryId }) => directoryId),
        }),
        fencing({ id: broker.id, epoch: nextOffset }, false),
        ...this.#fenceDead(),
      ],
      response: nextOffset,
    }))
    await this.#runForPartitions((partitions) => decideBrokerStarted(this.leadership(), partitions, broker.id))
    this.#started.add(broker)
    await this.#runForPartitions((partitions) => decideEndedReassignments(partitions, broker.id))
    return epoch
  }

  /** Also of what a broker of this process has written before a start of it: they share the directories. */
  get #wasCleanlyStopped(): boolean {
    return this.#options.directories.opened.every(({ wasCleanlyStopped }) => wasCleanlyStopped)
  }

  /** Only for Broker: it has stopped, or is fenced. */
  async stopped(broker: Broker): Promise<void> {
    const { run, registrations } = this.#options
    // When all go, partitions stay as they are: the next start gives them a new leader epoch.
    if (!this.#isClosing) {
      await this.#runForPartitions((partitions) => decideBrokerStopped(this.leadership(), partitions, broker.id))
    }
    await run(() => ({
      records: registrations.has(broker) ? [fencing(broker, true)] : [],
      response: undefined,
    }))
  }

  /** Only for Broker. */
  async unfenced(broker: Broker): Promise<void> {
    await this.#options.run(() => ({ records: [fencing(broker, false)], response: undefined }))
    await this.#runForPartitions((partitions) => decideBrokerStarted(this.leadership(), partitions, broker.id))
  }

  /** To be called when all run: what only others could lead has no leader. */
  async allStarted(): Promise<void> {
    await this.#runForPartitions((partitions) => decideBrokersAbsent(this.leadership(), partitions))
    if (this.#byId.size > 1) this.#preferredLeaders.start()
  }

  /** @throws Error in one readable line when the partition is not there, or the broker can't lead it */
  async moveLeader(topic: string, partition: number, brokerId: number): Promise<void> {
    const { run, topics } = this.#options
    await run(() => {
      const found = topics.findPartition(topic, partition)
      if (found === undefined) throw new Error(`there is no partition ${partition} of a topic ${topic}`)
      return { records: decideLeader(this.leadership(), found, brokerId), response: undefined }
    })
  }

  /** What to tell whoever started the process, once they run, about those that it lacks: one line each. */
  describeOthers(): string[] {
    const { registrations, topics, directories } = this.#options
    const here = new Set(directories.opened.map(({ directoryId }) => directoryId))
    const state: OtherBrokersState = {
      registrations: registrations.values(),
      partitions: () => topics.partitions(),
      own: new Set(this.#byId.keys()),
      isHere: (partition, brokerId) => this.isHere(partition, brokerId),
      wasHere: (registration) =>
        registration.directories.length > 0 && registration.directories.every((id) => here.has(id)),
    }
    return [describeStoppedBrokers(state), describeOtherBrokers(state)].filter((line) => line !== undefined)
  }

  leadership(): LeadershipState {
    const { features, mayElectUnclean } = this.#options
    const brokers = [...this.#byId.values()]
    const running = brokers.filter(({ isRunning }) => isRunning)
    const available = brokers.filter(({ state }) => state === 'running' || state === 'added')
    const ids = (some: readonly Broker[]): ReadonlySet<number> => new Set(some.map(({ id }) => id))
    return {
      features,
      ...{ own: ids(brokers), running: ids(running), available: ids(available) },
      uncleanlyStopped: ids(this.#wasCleanlyStopped ? [] : brokers.filter((broker) => !this.#started.has(broker))),
      isHere: (partition, brokerId) => this.isHere(partition, brokerId),
      mayElectUnclean,
    }
  }

  /** The broker's replica lies in a directory of this process: it runs here, or did. */
  isHere({ replicas, directories }: Partition, brokerId: number): boolean {
    if (brokerId === this.#options.nodeId || this.#byId.has(brokerId)) return true
    const id = directories[replicas.indexOf(brokerId)]
    return this.#options.directories.opened.some(({ directoryId }) => directoryId === id)
  }

  /** What those that run tell of their log directories anew: nothing where metadata.version has no place for it. */
  directoryChanges(): MetadataRecord[] {
    const { features, directories, registrations } = this.#options
    const version = features.registrationChangeRecordVersion
    const logDirs = directories.usable.map(({ directoryId }) => directoryId)
    if (version < 2) return []
    return [...this.#byId.values()]
      .filter((broker) => broker.isRunning && registrations.has(broker))
      .map(({ id, epoch }) =>
        metadataRecord(brokerRegistrationChangeRecord, version, { brokerId: id, brokerEpoch: epoch, logDirs }),
      )
  }

  /** Those that an earlier, killed process has left unfenced. */
  #fenceDead(): MetadataRecord[] {
    return this.#options.registrations
      .values()
      .filter(({ id, isFenced }) => !isFenced && this.#byId.get(id)?.isRunning !== true)
      .map((registration) => fencing(registration, true))
  }

  async #electPreferredLeaders(): Promise<void> {
    try {
      await this.#runForPartitions((partitions) => decidePreferredLeaders(this.leadership(), partitions))
    } catch (error) {
      this.#options.logger.error({ error }, 'preferred leaders could not be elected')
    }
  }

  /** For changes of partitions that need not count all at once: of some, then of the next, as they are by then. */
  async #runForPartitions(decide: (partitions: readonly Partition[]) => readonly MetadataRecord[]): Promise<void> {
    const partitions = [...this.#options.topics.partitions()]
    for (let start = 0; start < partitions.length; start += changesPerBatch) {
      await this.#options.run(() => {
        const those = partitions.slice(start, start + changesPerBatch).filter(({ isDeleted }) => !isDeleted)
        return { records: decide(those), response: undefined }
      })
    }
  }
}

function fencing(broker: { readonly id: number; readonly epoch: number }, isFenced: boolean): MetadataRecord {
  return metadataRecord(brokerRegistrationChangeRecord, 0, {
    brokerId: broker.id,
    brokerEpoch: broker.epoch,
    fenced: isFenced ? 1 : -1,
  })
}
