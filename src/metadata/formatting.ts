/**
 * metadata: the first records of a new cluster: those in `bootstrap.checkpoint`, which Kafka's formatter leaves in the log directory, or our
 * own, as the formatter writes them with `--standalone`.
 */
import { configRecord, featureLevelRecord, readMetadataFrame } from '../../protocol/state/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { type MetadataRecord, metadataRecord } from './metadata-record.ts'
import { isWholeSnapshot, recordsInSnapshot } from './snapshot-file.ts'

/** 4.3-IV0: what a directory that we format has. */
export const latestMetadataVersion = 30

const metadataVersion = 'metadata.version'
const eligibleLeaderReplicas = 'eligible.leader.replicas.version'
/** They are kept and elected (KIP-966). */
const eligibleLeaderReplicasVersion = 1
/** Consumer groups (KIP-848) are served. */
const groupVersion = 1
/** Each transaction has an epoch of its own (KIP-890). */
const transactionVersion = 2

/** ConfigResource.Type BROKER */
const brokerResource = 4

export function firstRecords(): MetadataRecord[] {
  return [
    metadataRecord(featureLevelRecord, 0, { name: metadataVersion, featureLevel: latestMetadataVersion }),
    metadataRecord(featureLevelRecord, 0, {
      name: eligibleLeaderReplicas,
      featureLevel: eligibleLeaderReplicasVersion,
    }),
    metadataRecord(featureLevelRecord, 0, { name: 'group.version', featureLevel: groupVersion }),
    metadataRecord(featureLevelRecord, 0, { name: 'transaction.version', featureLevel: transactionVersion }),
  ]
}

/**
 * What the controller of a new cluster writes behind them: with eligible leader replicas all brokers have the same min.insync.replicas, which stands
 * in the log.
 */
export function activationRecords(first: readonly MetadataRecord[], minInsyncReplicas: number): MetadataRecord[] {
  const levels = first.map(levelIn).filter((level) => level !== undefined)
  if (!levels.some(({ name, featureLevel }) => name === eligibleLeaderReplicas && featureLevel > 0)) return []
  const allBrokers = { resourceType: brokerResource, resourceName: '' }
  const config = { name: 'min.insync.replicas', value: String(minInsyncReplicas) }
  return [metadataRecord(configRecord, 0, { ...allBrokers, ...config })]
}

/** `path`: the log directory. @throws Error where the file is not what a formatter leaves: what the cluster was to be is then unknown. */
export async function readBootstrap(files: FileSystem, path: string): Promise<readonly MetadataRecord[] | undefined> {
  const file = `${path}/bootstrap.checkpoint`
  if (!(await files.exists(file))) return undefined
  const content = await files.readFile(file)
  const advice = 'restore it, or format the directory anew'
  if (!isWholeSnapshot(content)) throw new Error(`${file} is damaged: ${advice}`)
  const records = recordsInSnapshot(content)
  if (!records.some((record) => levelIn(record)?.name === metadataVersion))
    throw new Error(`${file} sets no level of ${metadataVersion}: ${advice}`)
  return records
}

export async function writeBootstrap(files: FileSystem, path: string, content: Buffer): Promise<void> {
  await files.replaceFile(`${path}/bootstrap.checkpoint`, content)
}

/** undefined: it is another kind of record. */
function levelIn({ bytes }: MetadataRecord): { name: string; featureLevel: number } | undefined {
  const { type, version, body } = readMetadataFrame(bytes)
  return type === featureLevelRecord.type ? featureLevelRecord.codec(version).decode(body) : undefined
}
