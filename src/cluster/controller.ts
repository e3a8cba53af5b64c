/**
 * cluster: what Kafka's controller does for admin tools beside topics and configs: feature levels, elections, reassignments, brokers that
 * are forgotten, and the quorum of one.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { unregisterBrokerRecord } from '../../protocol/state/index.ts'
import { type Decision, type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import type { Cancel, Clock } from '../runtime/clock.ts'
import type { DynamicConfigs } from './dynamic-configs.ts'
import { decideElections, type Election, type ElectionType, type PartitionName } from './elections.ts'
import { decideUpdateFeatures, type FeatureUpdate } from './feature-commands.ts'
import type { Features } from './features.ts'
import { decideBrokerStopped, type LeadershipState } from './leadership.ts'
import { noLeader, type Partition } from './partition.ts'
import {
  decideEndedReassignments,
  decideReassignments,
  listReassignments,
  type Reassignment,
  type ReassignmentState,
  type WantedReassignment,
} from './reassignments.ts'
import type { Registrations } from './registrations.ts'
import type { Topics } from './topics.ts'

interface ControllerOptions {
  readonly metadata: MetadataLog
  readonly topics: Topics
  readonly registrations: Registrations
  readonly features: Features
  readonly dynamicConfigs: DynamicConfigs
  /** What is set in the file. */
  readonly minInsyncReplicas: number
  /** Changes metadata, and makes the process follow. */
  run<R>(decide: () => Decision<R> | Promise<Decision<R>>): Promise<R>
  leadership(): LeadershipState
  /** What the brokers that run tell of themselves anew when metadata.version is raised: older ones have no place for it. */
  registrationChanges(): readonly MetadataRecord[]
  readonly clock: Clock
}

export class Controller {
  readonly #options: ControllerOptions
  #cancelElections: Cancel = () => {}
  #elections: Promise<unknown> = Promise.resolve()

  constructor(options: ControllerOptions) {
    this.#options = options
  }

  /** All or nothing. @throws KafkaError INVALID_UPDATE_VERSION */
  async updateFeatures(
    updates: readonly FeatureUpdate[],
    { validateOnly }: { readonly validateOnly: boolean },
  ): Promise<void> {
    const { metadata, features, registrations, dynamicConfigs, minInsyncReplicas } = this.#options
    const state = { features, registrations, dynamicConfigs, minInsyncReplicas, nodeId: metadata.voter.id }
    const before = features.level('metadata.version')
    const { raisesKRaftVersion } = await this.#options.run(() => {
      const { records, ...response } = decideUpdateFeatures(state, updates)
      return { records: validateOnly ? [] : records, response }
    })
    if (validateOnly) return
    if (raisesKRaftVersion) await metadata.raiseKRaftVersion()
    if (features.level('metadata.version') === before) return
    await this.#options.run(() => ({ records: this.#options.registrationChanges(), response: undefined }))
  }

  /** One entry for each of `wanted`, in their order; null: of those partitions that need an election. */
  electLeaders(type: ElectionType, wanted: readonly PartitionName[] | null): Promise<Election[]> {
    return this.#options.run(async () => {
      const { records, results } = await decideElections(this.#state(), type, wanted)
      return { records, response: results }
    })
  }

  /** From now on, whoever runs gets to lead what nobody leads, where unclean.leader.election.enable is set since. */
  electUncleanEvery(intervalMs: number): void {
    this.#cancelElections = this.#options.clock.after(intervalMs, () => {
      const wanted = this.#leaderless()
      // What fails now is tried again at the next turn.
      if (wanted.length > 0) this.#elections = this.electLeaders('unclean', wanted).catch(() => {})
      this.electUncleanEvery(intervalMs)
    })
  }

  async close(): Promise<void> {
    this.#cancelElections()
    await this.#elections
  }

  #leaderless(): PartitionName[] {
    const { topics } = this.#options
    const { mayElectUnclean } = this.#options.leadership()
    return [...topics.partitions()]
      .filter((partition) => partition.leaderId === noLeader && mayElectUnclean(partition))
      .map(({ topic, index }) => ({ topic, partition: index }))
  }

  /** One entry for each, in their order: undefined where it is begun, or done. */
  alterReassignments(
    wanted: readonly WantedReassignment[],
    options: { readonly allowReplicationFactorChange: boolean },
  ): Promise<(KafkaError | undefined)[]> {
    return this.#options.run(async () => {
      const { records, results } = await decideReassignments(this.#state(), wanted, options)
      return { records, response: results }
    })
  }

  /** Those under way; `isAsked` lets some through. */
  reassignments(isAsked: (topic: string, partition: number) => boolean): Reassignment[] {
    return listReassignments(this.#options.topics.partitions()).filter(({ topic, partition }) =>
      isAsked(topic, partition),
    )
  }

  /** Only for Cluster: what a broker that has started makes complete. */
  decideEndedReassignments(partitions: readonly Partition[], brokerId: number): MetadataRecord[] {
    return decideEndedReassignments(this.#state(), partitions, brokerId)
  }

  /** A broker that runs leads nothing any more until its next start, as in Kafka. @throws KafkaError BROKER_ID_NOT_REGISTERED */
  async unregisterBroker(brokerId: number): Promise<void> {
    const { registrations, topics, run } = this.#options
    await run(() => {
      const registration = registrations.get(brokerId)
      if (registration === undefined) {
        throw new KafkaError('BROKER_ID_NOT_REGISTERED', `Broker ID ${brokerId} is not currently registered`)
      }
      const state = this.#state()
      const others = onlyWith(state, (id) => id !== brokerId)
      const record = metadataRecord(unregisterBrokerRecord, 0, { brokerId, brokerEpoch: registration.epoch })
      return { records: [...decideBrokerStopped(others, topics.partitions(), brokerId), record], response: undefined }
    })
  }

  #state(): ReassignmentState {
    const { topics, registrations } = this.#options
    const leadership = this.#options.leadership()
    return onlyWith({ ...leadership, topics, registrations }, (id) => registrations.isAlive(id))
  }
}

/** As if others did not run. */
function onlyWith(state: ReassignmentState, counts: (brokerId: number) => boolean): ReassignmentState {
  const some = (ids: ReadonlySet<number>): ReadonlySet<number> => new Set([...ids].filter(counts))
  return { ...state, available: some(state.available), running: some(state.running) }
}
