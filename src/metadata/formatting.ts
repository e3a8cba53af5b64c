/**
 * metadata: the first records of a new cluster: those in `bootstrap.checkpoint`, which Kafka's formatter leaves in the log directory, or our
 * own, as the formatter writes them with `--standalone`.
 */
import { featureLevelRecord, readMetadataFrame } from '../../protocol/state/index.ts'
import type { FileSystem } from '../runtime/file-system.ts'
import { type MetadataRecord, metadataRecord } from './metadata-record.ts'
import { isWholeSnapshot, recordsInSnapshot } from './snapshot-file.ts'

/** 4.3-IV0: what a directory that we format has. */
export const latestMetadataVersion = 30

const metadataVersion = 'metadata.version'
/** Consumer groups (KIP-848) are served. */
const groupVersion = 1
/** Each transaction has an epoch of its own (KIP-890). */
const transactionVersion = 2

export function firstRecords(): MetadataRecord[] {
  return [
    metadataRecord(featureLevelRecord, 0, { name: metadataVersion, featureLevel: latestMetadataVersion }),
    metadataRecord(featureLevelRecord, 0, { name: 'group.version', featureLevel: groupVersion }),
    metadataRecord(featureLevelRecord, 0, { name: 'transaction.version', featureLevel: transactionVersion }),
  ]
}

/** `path`: the log directory. @throws Error where the file is not what a formatter leaves: what the cluster was to be is then unknown. */
export async function readBootstrap(files: FileSystem, path: string): Promise<readonly MetadataRecord[] | undefined> {
  const file = `${path}/bootstrap.checkpoint`
  if (!(await files.exists(file))) return undefined
  const content = await files.readFile(file)
  const advice = 'restore it, or format the directory anew'
  if (!isWholeSnapshot(content)) throw new Error(`${file} is damaged: ${advice}`)
  const records = recordsInSnapshot(content)
  if (!records.some(setsMetadataVersion)) throw new Error(`${file} sets no level of ${metadataVersion}: ${advice}`)
  return records
}

export async function writeBootstrap(files: FileSystem, path: string, content: Buffer): Promise<void> {
  await files.replaceFile(`${path}/bootstrap.checkpoint`, content)
}

function setsMetadataVersion({ bytes }: MetadataRecord): boolean {
  const { type, version, body } = readMetadataFrame(bytes)
  if (type !== featureLevelRecord.type) return false
  return featureLevelRecord.codec(version).decode(body).name === metadataVersion
}
