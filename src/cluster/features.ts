/** cluster: feature levels as the metadata log has them, and what they mean for the records that are written. Changed by replay alone. */
import { featureLevelRecord } from '../../protocol/state/index.ts'
import { latestMetadataVersion, type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'

/** metadata.version: 3.7-IV2 records the directory of each replica, 4.0-IV1 eligible leaders, 4.3-IV0 cordoned directories. */
const directoriesLevel = 17
const eligibleLeadersLevel = 23
const cordonedDirectoriesLevel = 30

const eligibleLeaderReplicas = 'eligible.leader.replicas.version'

/** What a broker of ours can do; share and streams features are left out while they are not served. */
export const supportedFeatures = [
  { name: eligibleLeaderReplicas, minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'group.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'kraft.version', minSupportedVersion: 0, maxSupportedVersion: 1 },
  { name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: latestMetadataVersion },
  { name: 'transaction.version', minSupportedVersion: 0, maxSupportedVersion: 2 },
]

/** What a level needs of other features. */
export const featureDependencies: readonly { feature: string; level: number; needs: string; neededLevel: number }[] = [
  { feature: eligibleLeaderReplicas, level: 1, needs: 'metadata.version', neededLevel: eligibleLeadersLevel },
]

export class Features {
  readonly #levels = new Map<string, number>()
  readonly #metadata: MetadataLog

  constructor(metadata: MetadataLog) {
    this.#metadata = metadata
    const register = metadata.image('features', () => this.#records())
    register(featureLevelRecord, ({ name, featureLevel }) => {
      if (featureLevel === 0) this.#levels.delete(name)
      else this.#levels.set(name, featureLevel)
    })
  }

  /** metadata.version first: it says how the records behind it are to be read. */
  *#records(): Generator<MetadataRecord, void> {
    const names = [...this.#levels.keys()].sort((one, other) => rank(one) - rank(other))
    for (const name of names) yield metadataRecord(featureLevelRecord, 0, { name, featureLevel: this.level(name) })
  }

  /** Finalised levels; one that is 0 is not among them. */
  get levels(): ReadonlyMap<string, number> {
    return this.#levels
  }

  /** The finalised level; kraft.version stands in a control record of its own. */
  level(name: string): number {
    if (name === 'kraft.version') return this.#metadata.kRaftVersion
    return this.#levels.get(name) ?? 0
  }

  /** Eligible leader replicas (KIP-966) are kept and elected. */
  get isElrEnabled(): boolean {
    return this.level(eligibleLeaderReplicas) > 0
  }

  /** Version of PartitionRecord and PartitionChangeRecord. */
  get partitionRecordVersion(): number {
    const level = this.level('metadata.version')
    return level >= eligibleLeadersLevel ? 2 : level >= directoriesLevel ? 1 : 0
  }

  /** Version of BrokerRegistrationChangeRecord; from 2 on it tells of directories. */
  get registrationChangeRecordVersion(): number {
    const level = this.level('metadata.version')
    return level >= cordonedDirectoriesLevel ? 3 : level >= directoriesLevel ? 2 : 0
  }

  /** Version of RegisterBrokerRecord. */
  get registerBrokerRecordVersion(): number {
    const level = this.level('metadata.version')
    return level >= cordonedDirectoriesLevel ? 4 : level >= directoriesLevel ? 3 : 1
  }
}

function rank(name: string): number {
  return name === 'metadata.version' ? 0 : 1
}
