/** log: partition.metadata, which says of which topic a partition is, so that it is not taken for one of a later topic of that name. */
import type { FileSystem } from '../runtime/file-system.ts'
import { syncFile } from './segment-files.ts'

export const partitionMetadataFileName = 'partition.metadata'

/** Not synced: `syncPartitionMetadata` comes before the first of the partition's data is durable. */
export async function writePartitionMetadata(files: FileSystem, directory: string, topicId: string): Promise<void> {
  const file = await files.open(`${directory}/${partitionMetadataFileName}`, 'write')
  try {
    file.writeNow(0, [Buffer.from(`version: 0\ntopic_id: ${topicId}`)])
  } finally {
    await file.close()
  }
}

/** The topic id; undefined when the file does not say, as a power failure has left it empty or torn: then nothing of the partition was durable. */
export async function readPartitionMetadata(files: FileSystem, directory: string): Promise<string | undefined> {
  const content = await files.readFile(`${directory}/${partitionMetadataFileName}`)
  return /^topic_id:\s*([\w-]{22})\s*$/m.exec(content.toString('latin1'))?.[1]
}

/** Makes it durable, where there is one. */
export async function syncPartitionMetadata(files: FileSystem, directory: string): Promise<void> {
  const path = `${directory}/${partitionMetadataFileName}`
  if (await files.exists(path)) await syncFile(files, path)
}
