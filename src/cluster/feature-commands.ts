/**
 * cluster: decides what UpdateFeatures (KIP-584, KIP-1022) writes to the metadata log. Pure: reads the state, changes none. Messages are
 * those of Kafka's FeatureControlManager.
 */
import { KafkaError } from '../../protocol/errors.ts'
import { featureLevelRecord } from '../../protocol/state/index.ts'
import { type MetadataRecord, metadataRecord } from '../metadata/index.ts'
import { decideElrConfigs } from './config-commands.ts'
import type { DynamicConfigs } from './dynamic-configs.ts'
import { type Features, featureDependencies, supportedFeatures } from './features.ts'
import type { Registrations } from './registrations.ts'

/** Kafka's FeatureUpdate.UpgradeType; undefined: one that nobody knows. */
export type UpgradeType = 'upgrade' | 'safeDowngrade' | 'unsafeDowngrade' | undefined

export interface FeatureUpdate {
  readonly feature: string
  readonly level: number
  readonly type: UpgradeType
}

/** What commands look at. */
export interface FeatureState {
  readonly features: Features
  readonly registrations: Registrations
  readonly dynamicConfigs: DynamicConfigs
  /** min.insync.replicas of the controller's file. */
  readonly minInsyncReplicas: number
  /** Of the controller, which is part of every broker of this process. */
  readonly nodeId: number
}

export interface DecidedFeatures {
  readonly records: readonly MetadataRecord[]
  /** kraft.version goes from 0 to 1: that level stands in a control record, not in a FeatureLevelRecord. */
  readonly raisesKRaftVersion: boolean
}

interface LevelRange {
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

const metadataVersion = 'metadata.version'
const kRaftVersion = 'kraft.version'
/** Levels of metadata.version that changed its records: a downgrade past one could lose what they say. Source: Kafka's MetadataVersion. */
const levelsWithNewRecords: readonly number[] = [8, 11, 13, 14, 15, 17, 23, 30]
/** What a controller or broker has of a feature that it does not know. */
const disabled: LevelRange = { minSupportedVersion: 0, maxSupportedVersion: 0 }

/** All or nothing; of a feature that is named twice the last update counts. @throws KafkaError INVALID_UPDATE_VERSION */
export function decideUpdateFeatures(state: FeatureState, updates: readonly FeatureUpdate[]): DecidedFeatures {
  const byFeature = new Map(updates.map((update) => [update.feature, update]))
  const records: MetadataRecord[] = []
  let raisesKRaftVersion = false
  for (const update of byFeature.values()) {
    requirePossible(state, update)
    const { feature, level } = update
    const current = state.features.level(feature)
    if (feature === metadataVersion) requireMetadataVersion(update, current)
    else if (feature === kRaftVersion) {
      if (level < current) throw invalidLevel(update, "Can't downgrade the version of this feature.")
      raisesKRaftVersion = level > current
      continue
    } else if (!isSupported(feature)) throw invalidLevel(update, `Feature ${feature} not found.`)
    else requireDependencies(state, update, byFeature)
    records.push(metadataRecord(featureLevelRecord, 0, { name: feature, featureLevel: level }))
  }
  const enablesElr = (byFeature.get('eligible.leader.replicas.version')?.level ?? 0) > 0
  const configs = enablesElr ? decideElrConfigs(state.dynamicConfigs, state.minInsyncReplicas) : []
  return { records: [...configs, ...records], raisesKRaftVersion }
}

/** What holds for every feature. */
function requirePossible({ features, registrations, nodeId }: FeatureState, update: FeatureUpdate): void {
  const { feature, level, type } = update
  if (type === undefined) throw invalidLevel(update, 'The controller does not support the given upgrade type.')
  if (level < 0) throw invalidLevel(update, 'A feature version cannot be less than 0.')
  const own = supportedFeatures.find(({ name }) => name === feature)
  requireSupported(update, `Local controller ${nodeId}`, own)
  for (const { id, features: theirs } of registrations.values()) {
    requireSupported(
      update,
      `Broker ${id}`,
      theirs.find(({ name }) => name === feature),
    )
  }
  const current = features.level(feature)
  if (level < current && type === 'upgrade') {
    const advice = 'without setting the upgrade type to either safe or unsafe downgrade.'
    throw invalidLevel(update, `Can't downgrade the version of this feature ${advice}`)
  }
  if (level > current && type !== 'upgrade') throw invalidLevel(update, "Can't downgrade to a newer version.")
}

function requireSupported(update: FeatureUpdate, who: string, range: LevelRange = disabled): void {
  const { minSupportedVersion: min, maxSupportedVersion: max } = range
  if (update.level >= min && update.level <= max) return
  throw invalidLevel(
    update,
    max === 0 ? `${who} does not support this feature.` : `${who} only supports versions ${min}-${max}`,
  )
}

function requireMetadataVersion({ level, type }: FeatureUpdate, current: number): void {
  if (!levelsWithNewRecords.some((changed) => changed > level && changed <= current)) return
  const problem =
    type === 'unsafeDowngrade'
      ? 'Unsafe metadata downgrade is not supported in this version.'
      : 'Refusing to perform the requested downgrade because it might delete metadata information.'
  throw new KafkaError(
    'INVALID_UPDATE_VERSION',
    `Unsupported metadata.version downgrade from ${current} to ${level}. ${problem}`,
  )
}

/** What it needs may be raised by the same command. */
function requireDependencies(
  { features }: FeatureState,
  update: FeatureUpdate,
  updates: ReadonlyMap<string, FeatureUpdate>,
): void {
  const { feature, level } = update
  for (const { needs, neededLevel } of featureDependencies.filter(
    (each) => each.feature === feature && level >= each.level,
  )) {
    if ((updates.get(needs)?.level ?? features.level(needs)) >= neededLevel) continue
    throw invalidLevel(
      update,
      `${feature} could not be set to ${level} because it depends on ${needs} level ${neededLevel}`,
    )
  }
}

function isSupported(feature: string): boolean {
  return supportedFeatures.some(({ name }) => name === feature)
}

function invalidLevel({ feature, level }: FeatureUpdate, problem: string): KafkaError {
  return new KafkaError('INVALID_UPDATE_VERSION', `Invalid update version ${level} for feature ${feature}. ${problem}`)
}
